//! The demonstration with windows: the console, two desks, and customers who keep calling.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::Outcome;
use crate::browser::Browser;
use crate::clip::{Clip, Clips};
use crate::phone::{Answer, Phone, PhoneSetup};
use crate::ports::{self, HERE};
use crate::program::Running;
use crate::service::Service;
use crate::setup::Setup;
use crate::voice::Mouth;

/// Customers at once; more wait before they call.
const CUSTOMERS: usize = 4;
/// How long a customer waits for an agent before he gives up.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a customer speaks with an agent before he says goodbye.
const TALK: Duration = Duration::from_secs(60);

/// How the windows are shown.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// `dark` or `light`; none as the desktop says.
    pub theme: Option<String>,
    /// The windows use no sound devices.
    pub silent: bool,
}

/// A running demonstration; dropping it ends the windows and the service.
pub struct Windows {
    /// The service.
    pub service: Service,
    programs: Vec<Running>,
    customers: JoinSet<()>,
    fixed: Arc<Phone>,
}

impl Windows {
    /// Starts the service, the windows and the customers. The data is kept in `folder`.
    pub async fn open(programs: &Path, folder: &Path, look: &Look) -> Outcome<Windows> {
        let fixed_port = ports::free_pair(HERE)?;
        let mut setup = Setup::demo()?.with_speech();
        setup.fixed_agent("204", fixed_port, &["support"], true);
        let service =
            Service::start_in(&programs.join("queue-service"), setup, folder.to_owned(), None).await?;
        let clips = Arc::new(Clips::shipped()?);
        let fixed = Phone::start(PhoneSetup {
            answer: Answer::After(Duration::from_secs(3)),
            ..PhoneSetup::fixed(service.setup.sip, "204", fixed_port)
        })
        .await?;
        let fixed = Arc::new(fixed);
        let mut customers = JoinSet::new();
        customers.spawn(keep_talking(fixed.clone(), clips.agent.clone()));
        for number in 0..CUSTOMERS {
            customers.spawn(keep_calling(service.setup.sip, clips.clone(), number));
        }
        let mut windows = Windows { service, programs: Vec::new(), customers, fixed };
        for (program, user, position) in [
            ("supervisor-app", "sara", "0,0"),
            ("agent-app", "201", "0,820"),
            ("agent-app", "202", "940,820"),
        ] {
            windows.window(&programs.join(program), user, position, look)?;
        }
        Ok(windows)
    }

    fn window(&mut self, program: &Path, user: &str, position: &str, look: &Look) -> Outcome {
        let folder = self.service.folder();
        let password = self.service.setup.password(user).ok_or("a window needs a password")?;
        let file = private_file(&folder.join(format!("{user}.password")), password)?;
        let mut command = Command::new(program);
        command.args(["--service", &self.service.url(), "--user", user, "--position", position]);
        command.arg("--password-file").arg(file);
        command.arg("--settings").arg(folder.join(format!("{user}.settings.json")));
        if let Some(theme) = &look.theme {
            command.args(["--theme", theme]);
        }
        if look.silent {
            command.arg("--no-sound");
        }
        let log = folder.join(format!("{user}.log"));
        self.programs.push(Running::start(&program.display().to_string(), &mut command, &log)?);
        Ok(())
    }

    /// Who may sign in, for a person to read.
    pub fn accounts(&self) -> String {
        let mut text = String::new();
        for (user, what) in [
            ("201", "agent, has a window"),
            ("202", "agent, has a window"),
            ("203", "agent with a desk phone: registers as 203 with demo-sip-203"),
            ("sara", "supervisor, has the console"),
            ("mia", "manager"),
            ("admin", "administrator"),
        ] {
            let password = self.service.setup.password(user).unwrap_or("none");
            text += &format!("  {user:<6} {password:<12} {what}\n");
        }
        text
    }

    /// Ends everything in order.
    pub async fn close(mut self) -> Outcome {
        self.customers.shutdown().await;
        for program in &mut self.programs {
            // A window that was closed by hand has ended already.
            let _ = program.stop(Duration::from_secs(5)).await;
        }
        drop(self.fixed);
        self.service.stop().await.map(drop)
    }
}

/// Runs until Ctrl-C.
pub async fn run(programs: &Path, folder: &Path) -> Outcome {
    eprintln!("Starting the service, the console and two desks …");
    let windows = Windows::open(programs, folder, &Look::default()).await?;
    eprintln!(
        "\nThe wallboard:  {}/wallboard\nThe data:       {}\nAccounts (name, password):\n{}\n\
         Make an agent ready in a desk's window, and answer the next call. Ctrl-C ends everything.",
        windows.service.url(),
        folder.display(),
        windows.accounts()
    );
    tokio::signal::ctrl_c().await?;
    eprintln!("\nStopping …");
    windows.close().await
}

/// Pictures of the console, a desk and the wallboard in one theme, from the display that is set.
pub async fn pictures(programs: &Path, folder: &Path, theme: &str, into: &Path) -> Outcome {
    std::fs::create_dir_all(into)?;
    let data = folder.join(theme);
    let look = Look { theme: Some(theme.into()), silent: true };
    let windows = Windows::open(programs, &data, &look).await?;
    let supervisor = windows.service.sign_in("sara").await?;
    // The desks have signed in when they can be made ready.
    for agent in ["201", "202"] {
        let agent = agent.parse()?;
        crate::wait::until_async("the desks", Duration::from_secs(60), async || {
            Ok(supervisor.agent(&agent).await?.device.is_reachable().then_some(()))
        })
        .await?;
        supervisor.set_status(&agent, shared::api::agents::WantedStatus::Ready).await?;
    }
    // All customers have called by then.
    sleep(Duration::from_secs(15)).await;
    for (title, name) in [("Callfloor supervisor", "console"), ("Callfloor agent", "desk")] {
        shoot(title, &into.join(format!("{name}-{theme}.png"))).await?;
    }
    let token = supervisor.token().ok_or("nobody is signed in")?;
    let wallboard = format!("{}/wallboard?theme={theme}#token={token}", windows.service.url());
    let mut page = Browser::open(&wallboard, 1920, 1080).await?;
    sleep(Duration::from_secs(5)).await;
    std::fs::write(into.join(format!("wallboard-{theme}.png")), page.screenshot().await?)?;
    windows.close().await
}

/// A picture of the window with this title.
async fn shoot(title: &str, file: &Path) -> Outcome {
    let xdotool = crate::program::find("xdotool", "xdotool")?;
    let import = crate::program::find("import", "imagemagick")?;
    let found = Command::new(xdotool).args(["search", "--name", title]).output()?;
    let id = String::from_utf8_lossy(&found.stdout).lines().next().unwrap_or_default().to_owned();
    if id.is_empty() {
        return Err(format!("there is no window {title:?}").into());
    }
    let status = Command::new(import).args(["-window", &id]).arg(file).status()?;
    if status.success() { Ok(()) } else { Err(format!("no picture of {title:?}: {status}").into()) }
}

/// Calls, waits, talks, hangs up, and calls again after a while.
async fn keep_calling(service: std::net::SocketAddr, clips: Arc<Clips>, number: usize) {
    let names = ["Clara Meyer", "Jonas Weber", "Ines Costa", "Tom Baker"];
    sleep(Duration::from_secs(2 + 4 * number as u64)).await;
    loop {
        let name = names[number % names.len()];
        let setup = PhoneSetup::customer(service, &format!("+4930555{number:04}"), name);
        match Phone::start(PhoneSetup { mouth: Mouth::silent(), ..setup }).await {
            Ok(phone) => {
                let queue = if number.is_multiple_of(2) { "3001" } else { "3002" };
                if let Err(error) = one_call(&phone, queue, &clips.customer).await {
                    tracing::warn!(%error, "a customer's call");
                }
            }
            Err(error) => tracing::warn!(%error, "a customer's phone"),
        }
        let pause = rand::rng().random_range(5..15);
        sleep(Duration::from_secs(pause)).await;
    }
}

/// The customer cannot know when an agent answers, so he speaks all the time with long pauses, as some do.
async fn one_call(phone: &Phone, queue: &str, clips: &[Clip]) -> Outcome {
    phone.call(queue).await?;
    let whole = rand::rng().random_range(TALK..PATIENCE);
    // Elapsed is the plan: then the customer hangs up.
    let _ = timeout(whole, speak(phone, clips)).await;
    phone.hang_up().await
}

/// Says one clip after another until the call is over.
async fn speak(phone: &Phone, clips: &[Clip]) {
    while phone.state().is_some() {
        let clip = &clips[rand::rng().random_range(0..clips.len())];
        phone.mouth.say(clip);
        let pause = rand::rng().random_range(2_000..4_000);
        sleep(Duration::from_millis(clip.millis() + pause)).await;
    }
}

async fn keep_talking(phone: Arc<Phone>, clips: Vec<Clip>) {
    loop {
        speak(&phone, &clips).await;
        sleep(Duration::from_millis(500)).await;
    }
}

/// A file that only its owner reads.
fn private_file(path: &Path, text: &str) -> Outcome<PathBuf> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.create(true).write(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())?;
    Ok(path.to_owned())
}
