//! linphone's command line client (Debian `linphone-cli`) as a desk phone: it speaks and hears by files, and does what
//! it is told on its input.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::ports::{self, HERE};
use crate::program::{self, Running};
use crate::voice::tone_wav;
use crate::{Outcome, wait};

/// How one linphone is started.
#[derive(Debug, Clone)]
pub struct LinphoneSetup {
    /// The service's signalling, or that of a proxy in front of it.
    pub service: SocketAddr,
    /// How signalling travels: `udp` or `tcp`.
    pub transport: &'static str,
    /// User part of its address, and user name of its digest.
    pub user: String,
    /// Password of its digest.
    pub password: String,
    /// Its voice: a tone.
    pub hz: f32,
    /// Sends keys by INFO instead of RFC 4733.
    pub keys_by_info: bool,
}

/// A running linphone.
#[derive(Debug)]
pub struct Linphone {
    running: Running,
    folder: TempDir,
}

impl Linphone {
    /// Starts one and waits until it says that it is registered.
    pub async fn start(setup: &LinphoneSetup) -> Outcome<Linphone> {
        let program = program::find("linphonec", "linphone-cli")?;
        let folder = tempfile::Builder::new().prefix("callfloor-linphone-").tempdir()?;
        for inner in [".config", ".local/share/linphone"] {
            std::fs::create_dir_all(folder.path().join(inner))?;
        }
        std::fs::write(folder.path().join("voice.wav"), tone_wav(setup.hz))?;
        std::fs::write(folder.path().join("rc"), config(setup, ports::free_pair(HERE)?))?;
        let mut command = Command::new(program);
        command.current_dir(folder.path()).env("HOME", folder.path());
        command.env_remove("XDG_CONFIG_HOME").env_remove("XDG_DATA_HOME");
        command.args(["-c", "rc", "-d", "6", "-l", "trace"]);
        let running = Running::start("linphonec", &mut command, &folder.path().join("log"))?;
        let mut linphone = Linphone { running, folder };
        linphone.tell("soundcard use files")?;
        linphone.tell("play voice.wav")?;
        linphone.tell("record heard.wav")?;
        wait::until("linphone's registration", Duration::from_secs(15), || {
            linphone.trace().contains("LinphoneRegistrationOk").then_some(())
        })
        .await
        .map_err(|error| format!("{error}\n{}", linphone.story()))?;
        Ok(linphone)
    }

    /// Tells it to do something, such as `answer`, `pause`, `resume`, `call sip:3001@callfloor`, `terminate`; a key
    /// presses it.
    pub fn tell(&mut self, command: &str) -> Outcome {
        self.running.say(command)
    }

    /// Waits for something in what it says.
    pub async fn says(&self, words: &str, at_most: Duration) -> Outcome {
        wait::until(&format!("{words:?} from linphone"), at_most, || self.log().contains(words).then_some(()))
            .await
            .map_err(|error| format!("{error}\n{}", self.story()).into())
    }

    /// What it has said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn trace(&self) -> String {
        let bytes = std::fs::read(self.folder.path().join("trace")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What it has said, and the SIP messages at the end of its trace.
    pub fn story(&self) -> String {
        let trace = self.trace();
        let sip: Vec<&str> = trace.lines().filter(|line| !line.contains("-message-")).collect();
        let end = sip[sip.len().saturating_sub(120)..].join("\n");
        format!("linphone said:\n{}\n--- the end of its trace\n{end}", self.log())
    }

    /// What it has heard so far, and the sample rate: 16-bit samples. The rate is that of the codec, and stands in the
    /// file once the call is over; before that it is taken for 8 kHz.
    pub fn heard(&self) -> Outcome<(Vec<i16>, u32)> {
        let mut bytes = std::fs::read(self.folder.path().join("heard.wav"))?;
        let samples = bytes.split_off(44.min(bytes.len()));
        let rate = bytes.get(24..28).and_then(|field| field.try_into().ok()).map_or(0, u32::from_le_bytes);
        let rate = if rate == 0 { 8_000 } else { rate };
        Ok((samples.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect(), rate))
    }
}

fn config(setup: &LinphoneSetup, port: u16) -> String {
    let LinphoneSetup { service, transport, user, password, keys_by_info, .. } = setup;
    let (udp, tcp) = if *transport == "tcp" { (0, port) } else { (port, 0) };
    let (info, rfc4733) = (u8::from(*keys_by_info), u8::from(!keys_by_info));
    let (audio, payload) = (port + 1, "enabled=1");
    format!(
        "[sip]\nsip_port={udp}\nsip_tcp_port={tcp}\nsip_tls_port=0\nguess_hostname=0\n\
         contact=\"Linphone\" <sip:{user}@127.0.0.1>\nuse_info={info}\nuse_rfc2833={rfc4733}\n\
         default_proxy=0\nuse_ipv6=0\nmedia_encryption=none\n\n\
         [rtp]\naudio_rtp_port={audio}\n\n\
         [audio_codec_0]\nmime=PCMU\nrate=8000\nchannels=1\n{payload}\n\n\
         [audio_codec_1]\nmime=PCMA\nrate=8000\nchannels=1\n{payload}\n\n\
         [auth_info_0]\nusername={user}\npasswd={password}\nrealm=callfloor\ndomain=callfloor\n\n\
         [proxy_0]\nreg_proxy=<sip:{service};transport={transport}>\nreg_route=<sip:{service};transport={transport}>\n\
         reg_identity=sip:{user}@callfloor\nreg_expires=60\nreg_sendregister=1\npublish=0\n"
    )
}
