//! SIPp (Debian `sip-tester`) as customer and as agent: a SIP stack that is not ours, driven by the scenarios in
//! `tests/sipp`.

pub mod capture;
mod script;

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use shared::audio::codec::{Codec, Encoder};
use shared::audio::tone::{Player, Sine, Tone};
use shared::audio::{FRAME_SAMPLES, Frame, RATE_HZ};

use crate::ports::{self, CARRIER, HERE};
use crate::program::{self, Running};
use crate::voice::TONE_DBFS;
use crate::{Outcome, wait};

/// SIPp gives up by itself after this long.
const GIVE_UP_SECS: u64 = 40;

/// How one SIPp is started.
#[derive(Debug, Clone)]
pub struct Sipp {
    /// File name in `tests/sipp`, without ending.
    scenario: &'static str,
    service: SocketAddr,
    ip: IpAddr,
    port: u16,
    number: String,
    mode: &'static str,
    echo: bool,
    pause: Duration,
    words: Vec<(&'static str, String)>,
    sound: Option<(&'static str, Vec<u8>)>,
    calls: u32,
    digest_uri: Option<String>,
}

impl Sipp {
    /// A customer behind the carrier who calls `number`.
    pub fn customer(scenario: &'static str, service: SocketAddr, number: &str) -> Outcome<Sipp> {
        let port = ports::free_pair(CARRIER)?;
        let number = number.to_owned();
        Ok(Sipp { number, ..Sipp::agent(scenario, service, port).at(CARRIER) })
    }

    /// An agent's phone at a port.
    pub fn agent(scenario: &'static str, service: SocketAddr, port: u16) -> Sipp {
        Sipp {
            scenario,
            service,
            ip: HERE,
            port,
            number: String::new(),
            mode: "u1",
            echo: false,
            pause: Duration::from_millis(500),
            words: Vec::new(),
            sound: None,
            calls: 1,
            digest_uri: None,
        }
    }

    /// Calls this number.
    pub fn calling(self, number: &str) -> Sipp {
        Sipp { number: number.to_owned(), ..self }
    }

    /// Another address of its own.
    pub fn at(self, ip: IpAddr) -> Sipp {
        Sipp { ip, ..self }
    }

    /// Signals over TCP.
    pub fn over_tcp(self) -> Sipp {
        Sipp { mode: "t1", ..self }
    }

    /// Signals over TCP, each call on a connection of its own.
    pub fn over_tcp_each(self) -> Sipp {
        Sipp { mode: "tn", ..self }
    }

    /// Sends back each voice packet that it receives.
    pub fn with_echo(self) -> Sipp {
        Sipp { echo: true, ..self }
    }

    /// How long the scenario's open pause lasts.
    pub fn pause(self, pause: Duration) -> Sipp {
        Sipp { pause, ..self }
    }

    /// How many calls it makes or takes, one after the other.
    pub fn calls(self, calls: u32) -> Sipp {
        Sipp { calls, ..self }
    }

    /// What `rtp_stream="sound.bin"` of a scenario streams, in this codec.
    pub fn says(self, codec: Codec, payload: Vec<u8>) -> Sipp {
        let (payload_type, name) = match codec {
            Codec::Pcmu => ("0", "PCMU"),
            Codec::Pcma => ("8", "PCMA"),
            Codec::G722 => ("9", "G722"),
            Codec::Opus => ("96", "opus"),
        };
        Sipp { sound: Some(("sound.bin", payload)), ..self }.word("PT", payload_type).word("MAP", name)
    }

    /// What `play_pcap_audio="sound.pcap"` of a scenario plays: a capture of [`capture`]. SIPp needs the right to open raw
    /// sockets for it.
    pub fn plays(self, capture: Vec<u8>) -> Sipp {
        Sipp { sound: Some(("sound.pcap", capture)), ..self }
    }

    /// The address that its digest is made for, without `sip:`; SIPp takes the service's address by itself.
    pub fn digest_for(self, uri: impl Into<String>) -> Sipp {
        Sipp { digest_uri: Some(uri.into()), ..self }
    }

    /// Says in its Contact that it is here, as a phone behind NAT does.
    pub fn contact(self, address: &str) -> Sipp {
        self.word("CONTACT", address)
    }

    /// Puts `value` for each `@NAME@` of the scenario.
    pub fn word(mut self, name: &'static str, value: impl Into<String>) -> Sipp {
        self.words.push((name, value.into()));
        self
    }

    /// Starts it; what it says goes into `folder`. An agent is reachable when this returns.
    pub async fn start(self, folder: &Path) -> Outcome<SippPeer> {
        let program = program::find("sipp", "sip-tester")?;
        let own = folder.join(format!("sipp-{}-{}", self.scenario, self.port));
        std::fs::create_dir_all(&own)?;
        let scenario = own.join("scenario.xml");
        std::fs::write(&scenario, script::text(self.scenario, &self.words)?)?;
        if let Some((file, sound)) = &self.sound {
            std::fs::write(own.join(file), sound)?;
        }
        let mut command = Command::new(program);
        command.current_dir(&own);
        command.arg(self.service.to_string()).arg("-sf").arg(&scenario);
        command.args(["-i", &self.ip.to_string(), "-p", &self.port.to_string()]);
        command.args(["-mi", &self.ip.to_string(), "-mp", &media_port()?.to_string()]);
        command.args(["-m", &self.calls.to_string(), "-l", "1", "-r", "10"]);
        if !self.number.is_empty() {
            command.args(["-s", &self.number]);
        }
        command.args(["-d", &self.pause.as_millis().to_string()]);
        command.args(["-t", self.mode, "-nostdin", "-max_socket", "100"]);
        if let Some(uri) = &self.digest_uri {
            command.args(["-auth_uri", uri]);
        }
        command.args(["-timeout", &format!("{GIVE_UP_SECS}s"), "-timeout_error"]);
        command.args(["-trace_err", "-error_file", "errors.log"]);
        command.args(["-trace_msg", "-message_file", "messages.log"]);
        if self.echo {
            command.arg("-rtp_echo");
        }
        let mut running = Running::start("SIPp", &mut command, &own.join("screen.log"))?;
        let (ip, port, tcp) = (self.ip, self.port, self.mode != "u1");
        if self.number.is_empty() {
            let mut listens = || is_taken(ip, port, tcp) || running.ended().is_some();
            wait::until("SIPp to listen", Duration::from_secs(10), || listens().then_some(())).await?;
        }
        Ok(SippPeer { running, folder: own, scenario: self.scenario, ip })
    }
}

/// A running SIPp; it is killed when this is dropped.
#[derive(Debug)]
pub struct SippPeer {
    running: Running,
    folder: PathBuf,
    scenario: &'static str,
    ip: IpAddr,
}

impl SippPeer {
    /// Waits until its scenario has gone through. The error shows what SIPp complained about and its last messages.
    pub async fn passed(mut self, at_most: Duration) -> Outcome {
        let begun = Instant::now();
        let status = self.running.wait(at_most).await;
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(self.story(&format!("ended with {status} after {:?}", begun.elapsed()))),
            Err(error) => Err(self.story(&error.to_string())),
        }
    }

    /// Whether it has ended.
    pub fn ended(&mut self) -> bool {
        self.running.ended().is_some()
    }

    /// Its messages so far.
    pub fn messages(&self) -> String {
        std::fs::read_to_string(self.folder.join("messages.log")).unwrap_or_default()
    }

    /// Its address.
    pub fn ip(&self) -> IpAddr {
        self.ip
    }

    fn story(&self, what: &str) -> crate::Fault {
        let tail = |text: String, len: usize| {
            let letters: Vec<char> = text.chars().collect();
            letters[letters.len().saturating_sub(len)..].iter().collect::<String>()
        };
        let errors = std::fs::read_to_string(self.folder.join("errors.log")).unwrap_or_default();
        let screen = std::fs::read_to_string(self.folder.join("screen.log")).unwrap_or_default();
        format!(
            "SIPp as {}: {what}\n--- errors\n{}\n--- screen\n{}\n--- messages\n{}",
            self.scenario,
            tail(errors, 3_000),
            tail(screen, 500),
            tail(self.messages(), 6_000)
        )
        .into()
    }
}

fn is_taken(ip: IpAddr, port: u16, tcp: bool) -> bool {
    let address = SocketAddr::new(ip, port);
    if tcp { TcpListener::bind(address).is_err() } else { UdpSocket::bind(address).is_err() }
}

/// SIPp takes an even port for voice and some after it.
fn media_port() -> Outcome<u16> {
    let first = ports::free_pair(HERE)?;
    for _ in 0..2 {
        // Nobody else in this process gets these.
        ports::free_pair(HERE)?;
    }
    Ok(first)
}

/// Sound of 16 kHz for [`Sipp::says`].
pub fn encoded(codec: Codec, samples: &[i16]) -> Outcome<Vec<u8>> {
    let mut encoder = Encoder::new(codec, &Default::default())?;
    let mut payload = [0; 1_500];
    let mut all = Vec::new();
    for frame in samples.chunks_exact(FRAME_SAMPLES) {
        let len = encoder.encode(frame, &mut payload);
        all.extend_from_slice(&payload[..len]);
    }
    Ok(all)
}

/// A tone of 16 kHz.
pub fn tone(hz: f32, millis: usize) -> Vec<i16> {
    let mut samples = vec![0; millis * RATE_HZ as usize / 1_000];
    Sine::new(hz, RATE_HZ, TONE_DBFS).fill(&mut samples);
    samples
}

/// Keys as a phone without events dials them: tones of 100 ms with as much silence around them.
pub fn dialled(keys: &str) -> Vec<i16> {
    let mut samples = vec![0; 1_600];
    for key in keys.chars() {
        let mut player = Player::new(Tone::Dtmf(key));
        let mut frame = Frame::SILENCE;
        while player.next_frame(&mut frame) {
            samples.extend_from_slice(&frame.0);
        }
        samples.extend_from_slice(&[0; 1_600]);
    }
    samples
}
