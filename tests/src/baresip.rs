//! A baresip process as a desk phone that registers: it answers by itself, plays a WAV file, and does what it is told
//! over its control port.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::ports::{self, HERE};
use crate::program::{self, Running};
use crate::voice::tone_wav;
use crate::{Outcome, wait};

/// How one baresip is started.
#[derive(Debug, Clone)]
pub struct BaresipSetup {
    /// The service's signalling.
    pub service: SocketAddr,
    /// How signalling travels: `udp`, `tcp` or `tls`.
    pub transport: &'static str,
    /// Domain of its address.
    pub domain: String,
    /// User part of its address, and user name of its digest.
    pub user: String,
    /// Password of its digest.
    pub password: String,
    /// Its voice: a tone.
    pub hz: f32,
    /// How long it asks to be registered for, in seconds.
    pub register_secs: u32,
    /// Who has to vouch for the service over TLS: a PEM file.
    pub authority: Option<PathBuf>,
    /// Its codecs, best first, as baresip writes them; [`G711`] for most.
    pub codecs: &'static str,
    /// How it encrypts its voice, as baresip writes it: `srtp` offers SRTP, `srtp-mand` wants nothing else.
    pub encryption: Option<&'static str>,
}

/// Both laws of G.711.
pub const G711: &str = "PCMU/8000/1,PCMA/8000/1";

/// A running baresip.
#[derive(Debug)]
pub struct Baresip {
    running: Running,
    folder: TempDir,
    control: TcpStream,
}

impl Baresip {
    /// Starts one over UDP with a tone of `hz` as its voice, and waits until it says that it is registered.
    pub async fn start(
        service: SocketAddr,
        domain: &str,
        user: &str,
        password: &str,
        hz: f32,
    ) -> Outcome<Baresip> {
        let (domain, user, password) = (domain.to_owned(), user.to_owned(), password.to_owned());
        let (register_secs, authority) = (120, None);
        let setup = BaresipSetup {
            service,
            transport: "udp",
            domain,
            user,
            password,
            hz,
            register_secs,
            authority,
            codecs: G711,
            encryption: None,
        };
        Baresip::start_as(&setup).await
    }

    /// Starts one and waits until it says that it is registered.
    pub async fn start_as(setup: &BaresipSetup) -> Outcome<Baresip> {
        let BaresipSetup { service, transport, domain, user, password, hz, register_secs, authority, .. } =
            setup;
        let encryption = setup.encryption.map_or(String::new(), |kind| format!(";mediaenc={kind}"));
        let codecs = setup.codecs;
        let program = program::find("baresip", "baresip-core")?;
        let modules = modules()?;
        let folder = tempfile::Builder::new().prefix("callfloor-baresip-").tempdir()?;
        std::fs::write(folder.path().join("voice.wav"), tone_wav(*hz))?;
        // Its port and the next one are its own.
        let port = ports::free_pair(HERE)?;
        let control = SocketAddr::new(HERE, ports::free_pair(HERE)?);
        let mut config = config(&modules, folder.path(), port, control);
        if let Some(authority) = authority {
            config.push_str(&format!("sip_cafile {}\n", authority.display()));
        }
        std::fs::write(folder.path().join("config"), config)?;
        let account = format!(
            "<sip:{user}@{domain}>;outbound=\"sip:{service};transport={transport}\";auth_user={user};auth_pass={password};\
             answermode=auto;regint={register_secs};audio_codecs={codecs}{encryption}\n"
        );
        std::fs::write(folder.path().join("accounts"), account)?;
        std::fs::write(folder.path().join("contacts"), "")?;
        let mut command = Command::new(program);
        command.arg("-f").arg(folder.path()).current_dir(folder.path());
        let log = folder.path().join("log");
        let running = Running::start("baresip", &mut command, &log)?;
        let control = wait::until_async("baresip's control port", Duration::from_secs(10), async || {
            Ok(TcpStream::connect(control).await.ok())
        })
        .await?;
        let baresip = Baresip { running, folder, control };
        wait::until("baresip's registration", Duration::from_secs(15), || {
            baresip.log().contains("200 OK").then_some(())
        })
        .await
        .map_err(|error| format!("{error}; it said:\n{}", baresip.log()))?;
        Ok(baresip)
    }

    /// What it has said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Tells it to do something: one of its commands, such as `hold`, `resume`, `transfer sip:3001@callfloor`, `hangup`.
    pub async fn tell(&mut self, command: &str) -> Outcome {
        let (word, rest) = command.split_once(' ').unwrap_or((command, ""));
        let text = serde_json::json!({ "command": word, "params": rest, "token": "t" }).to_string();
        // A netstring.
        let netstring = format!("{}:{text},", text.len());
        self.control.write_all(netstring.as_bytes()).await?;
        let mut answers = String::new();
        let answered = async {
            // Events come on the same connection.
            while !answers.contains("\"response\":true") {
                let mut chunk = [0; 4_096];
                let len = self.control.read(&mut chunk).await?;
                if len == 0 {
                    return Err("it closed its control port".into());
                }
                answers.push_str(&String::from_utf8_lossy(&chunk[..len]));
            }
            Ok(())
        };
        wait::within(&format!("baresip's answer to {command:?}"), Duration::from_secs(5), answered).await?;
        if answers.contains("\"ok\":true") {
            return Ok(());
        }
        Err(format!("baresip did not {command}: {answers}").into())
    }

    /// Waits for something in what it says.
    pub async fn says(&self, words: &str, at_most: Duration) -> Outcome {
        wait::until(&format!("{words:?} from baresip"), at_most, || self.log().contains(words).then_some(()))
            .await
            .map_err(|error| format!("{error}; it said:\n{}", self.log()).into())
    }

    /// What it has heard so far: 16-bit samples of 8 kHz, from its dump of the received sound.
    pub fn heard(&self) -> Outcome<Vec<i16>> {
        let entries = std::fs::read_dir(self.folder.path())?.filter_map(Result::ok);
        let dump = entries
            .map(|entry| entry.path())
            .find(|path| path.to_string_lossy().contains("-dec.wav"))
            .ok_or("baresip has written no dump of what it heard")?;
        let mut bytes = std::fs::read(&dump)?;
        // The header of a dump that is still written says that it is empty.
        let samples = bytes.split_off(44.min(bytes.len()));
        // Channels and rate are right; a tone survives that only every so many samples are taken.
        let [channels, low, high] =
            [22, 24, 25].map(|place| usize::from(bytes.get(place).copied().unwrap_or(0)));
        let step = (channels * (high << 8 | low) / 8_000).max(1);
        Ok(samples.chunks_exact(2).step_by(step).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect())
    }

    /// Its process number.
    pub fn id(&self) -> u32 {
        self.running.id()
    }
}

fn config(modules: &Path, folder: &Path, port: u16, control: SocketAddr) -> String {
    let (modules, folder) = (modules.display(), folder.display());
    format!(
        "poll_method epoll\n\
         sip_listen 127.0.0.1:{port}\n\
         net_interface 127.0.0.1\n\
         call_max_calls 1\n\
         audio_source aufile,{folder}/voice.wav\n\
         audio_player aubridge,nowhere\n\
         audio_alert aubridge,nowhere\n\
         audio_txmode thread\n\
         ausrc_srate 8000\n\
         ausrc_channels 1\n\
         snd_path {folder}\n\
         rtp_timeout 0\n\
         module_path {modules}\n\
         module g711.so\n\
         module g722.so\n\
         module opus.so\n\
         module srtp.so\n\
         module aufile.so\n\
         module aubridge.so\n\
         module sndfile.so\n\
         module_tmp account.so\n\
         module_app menu.so\n\
         module_app ctrl_tcp.so\n\
         ctrl_tcp_listen {control}\n"
    )
}

/// The folder of its modules depends on the machine's kind.
fn modules() -> Outcome<PathBuf> {
    let candidates = ["/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules"];
    let triplets = std::fs::read_dir("/usr/lib").into_iter().flatten().filter_map(Result::ok);
    candidates
        .iter()
        .map(PathBuf::from)
        .chain(triplets.map(|entry| entry.path().join("baresip/modules")))
        .find(|folder| folder.join("g711.so").is_file())
        .ok_or_else(|| "baresip's modules are not installed: apt-get install baresip-core".into())
}
