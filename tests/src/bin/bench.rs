//! Measures the service under load; deploy/bench builds everything and starts it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use serde::Serialize;
use std::fmt::Display;
use tests::Outcome;
use tests::load::media::figures::Mode;
use tests::load::{acd, flood, media, network, sip};

/// Callfloor under load: a table for people, or JSON for programs.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
    /// The service's program; for media, its example media_serve; for acd, routing_load
    #[arg(long, value_name = "FILE")]
    service: PathBuf,
    /// Keeps the data here
    #[arg(long, value_name = "FOLDER", global = true)]
    data: Option<PathBuf>,
    /// The figures as JSON on standard output
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum What {
    /// Calls a second with SIPp, and the time of a set-up
    Sip(SipArguments),
    /// Calls from a trunk while somebody else floods the service
    Flood(FloodArguments),
    /// The packet path: calls on a core, processor time a packet, delay, memory
    Media(MediaArguments),
    /// A caller's voice behind a bad network: what is made up, how late it is heard, the score that is given
    Network(NetworkArguments),
    /// The routing alone: decisions a second, time of a decision, memory; and the journal
    Acd(AcdArguments),
}

#[derive(Args)]
struct NetworkArguments {
    /// Length of each call, after the first seconds
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(2..=3_600))]
    seconds: u32,
    /// Of the chances: the same one loses the same packets
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

#[derive(Args)]
struct AcdArguments {
    /// Floors, agents and waiting calls each; several with commas
    #[arg(long, value_delimiter = ',', default_values = acd::SIZES)]
    sizes: Vec<String>,
    /// Decisions measured in each of a floor's two states, about
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(10..=10_000_000))]
    rounds: u32,
    /// Calls of the day that is written to the journal and folded
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(10..=10_000_000))]
    day_calls: u32,
}

#[derive(Args)]
struct MediaArguments {
    /// Length of each measurement
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Exactly so many calls; several numbers with commas. Without it the most that are held are looked for
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=6_000))]
    calls: Vec<u16>,
    /// Only these beside the relay and its yardstick: recorded, mixed, conference, srtp, transcoded, and the yardstick
    /// with other calls of the system: bare-paced, bare-batched (recvmmsg), bare-ring (io_uring)
    #[arg(long, value_delimiter = ',')]
    modes: Vec<Mode>,
}

#[derive(Args)]
struct FloodArguments {
    /// How long it is flooded
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3600))]
    seconds: u32,
    /// Calls a second that come from the trunk meanwhile
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=20))]
    rate: u32,
}

#[derive(Args)]
struct SipArguments {
    /// Length of each part
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=3600))]
    seconds: u32,
    /// Calls a second that the service answers itself
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    uas_rate: u32,
    /// Calls a second through a queue to agents
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    queue_rate: u32,
    /// Calls a second while the set-up is timed
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    setup_rate: u32,
    /// Agents' phones; as many as the rate needs when left out
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    agents: Option<u16>,
    /// How long an agent talks, in milliseconds
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    talk_ms: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    // One thread, so that all that is started inherits its core.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("start the runtime: {error}")),
    };
    match runtime.block_on(run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

async fn run(arguments: &Arguments) -> Outcome {
    let own = tempfile::Builder::new().prefix("callfloor-bench-").tempdir()?;
    let folder = arguments.data.as_deref().unwrap_or(own.path());
    std::fs::create_dir_all(folder)?;
    let tell = |line: &str| eprintln!("{line} …");
    match &arguments.what {
        What::Sip(wanted) => {
            let wanted = sip::Wanted {
                secs: wanted.seconds,
                uas_rate: wanted.uas_rate,
                queue_rate: wanted.queue_rate,
                setup_rate: wanted.setup_rate,
                agents: wanted.agents,
                talk: Duration::from_millis(wanted.talk_ms),
            };
            show(&sip::measure(&arguments.service, folder, &wanted, &tell).await?, arguments.json)
        }
        What::Flood(wanted) => {
            let wanted = flood::Wanted { secs: wanted.seconds, rate: wanted.rate };
            show(&flood::measure(&arguments.service, folder, &wanted, &tell).await?, arguments.json)
        }
        What::Media(wanted) => {
            let wanted = media::Wanted {
                secs: wanted.seconds,
                calls: wanted.calls.iter().copied().map(usize::from).collect(),
                modes: wanted.modes.clone(),
            };
            show(&media::measure(&arguments.service, folder, &wanted, &tell)?, arguments.json)
        }
        What::Network(wanted) => {
            let wanted = network::Wanted { secs: wanted.seconds, seed: wanted.seed, plans: network::plans() };
            show(&network::measure(&arguments.service, folder, &wanted, &tell).await?, arguments.json)
        }
        What::Acd(wanted) => {
            let AcdArguments { sizes, rounds, day_calls } = wanted;
            let wanted = acd::Wanted { sizes: sizes.clone(), rounds: *rounds, day_calls: *day_calls };
            show(&acd::measure(&arguments.service, folder, &wanted, &tell)?, arguments.json)
        }
    }
}

fn show(figures: &(impl Serialize + Display), json: bool) -> Outcome {
    if json {
        println!("{}", serde_json::to_string_pretty(figures)?);
        eprint!("{figures}");
    } else {
        print!("{figures}");
    }
    Ok(())
}

fn fail(message: &str) -> ExitCode {
    eprintln!("bench: {message}");
    ExitCode::from(2)
}
