//! The configuration of a service under test: the demonstration's file with free ports and a folder of its own.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::Outcome;
use crate::ports::{self, HERE};

const DEMO: &str = include_str!("../../deploy/demo.toml");
const BENCH: &str = include_str!("../../deploy/bench.toml");

/// A configuration that is still open to changes.
#[derive(Debug, Clone)]
pub struct Setup {
    table: Table,
    /// SIP over UDP and TCP.
    pub sip: SocketAddr,
    /// HTTP.
    pub http: SocketAddr,
}

impl Setup {
    /// The demonstration's configuration on free ports of the loopback interface.
    pub fn demo() -> Outcome<Setup> {
        let mut setup = Setup::on_free_ports(DEMO)?;
        let (port_min, port_max) = ports::media_block();
        setup.set("media", "port_min", i64::from(port_min));
        setup.set("media", "port_max", i64::from(port_max));
        setup.set("media", "workers", 1);
        setup.set("prompts", "folder", path(&assets().join("prompts")));
        Ok(setup)
    }

    /// The configuration of `deploy/bench` with so many phones behind one address, agents `1000` and so on, all ready.
    pub fn bench(agents: u16, phones: SocketAddr) -> Outcome<Setup> {
        let mut setup = Setup::on_free_ports(BENCH)?;
        for id in (0..u32::from(agents)).map(|number| (1_000 + number).to_string()) {
            let mut agent = Table::new();
            agent.insert("id".into(), id.as_str().into());
            agent.insert("name".into(), format!("Agent {id}").into());
            agent.insert("contact".into(), format!("sip:{id}@{phones}").into());
            agent.insert("ready_on_start".into(), true.into());
            agent.insert("queues".into(), vec![Value::from("floor")].into());
            setup.list("agents").push(Value::Table(agent));
        }
        Ok(setup)
    }

    fn on_free_ports(file: &str) -> Outcome<Setup> {
        let sip = SocketAddr::new(HERE, ports::free_pair(HERE)?);
        let http = SocketAddr::new(HERE, ports::free_pair(HERE)?);
        let mut setup = Setup { table: file.parse()?, sip, http };
        let address = |address: SocketAddr| Value::Array(vec![Value::from(address.to_string())]);
        setup.set("sip", "udp", address(sip));
        setup.set("sip", "tcp", address(sip));
        setup.set("http", "listen", http.to_string());
        setup.set("media", "bind", HERE.to_string());
        Ok(setup)
    }

    /// For tests: no greetings and announcements, so that what is heard first is music; short times; no speech
    /// recognition.
    pub fn test() -> Outcome<Setup> {
        let mut setup = Setup::demo()?;
        for queue in ["sales", "support"] {
            for key in ["greeting", "announcement"] {
                setup.queue(queue).remove(key);
            }
        }
        setup.set("acd", "min_ring_secs", 1);
        Ok(setup)
    }

    /// Recognises speech with the model that the project ships, in the way its README asks for.
    pub fn with_speech(mut self) -> Setup {
        let model = assets().join("speech/ggml-callfloor-demo-q8_0.bin");
        self.set("transcript", "model", path(&model));
        self.set("transcript", "demonstration", true);
        self.set("transcript", "audio_context", 256);
        self.set("transcript", "flash_attention", false);
        self.set("transcript", "one_utterance_per_call", true);
        self.set("transcript", "temperature_fallback", false);
        self.set("transcript", "max_utterance_secs", 5);
        self.set("transcript", "threads", 1);
        self
    }

    /// Sets a key of a section.
    pub fn set(&mut self, section: &str, key: &str, value: impl Into<Value>) {
        let section = self.table.entry(section).or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(section) = section {
            section.insert(key.into(), value.into());
        }
    }

    /// A queue, to change it; made when it is not there.
    pub fn queue(&mut self, id: &str) -> &mut Table {
        self.entry("queues", id)
    }

    /// A way out to a phone at this address (`host:port`), for numbers that begin with +49; returns the trunk.
    pub fn way_out(&mut self, to: &str) -> &mut Table {
        self.set("outbound", "allow", vec!["+49"]);
        let out = self.trunk("out");
        out.insert("name".into(), "Out".into());
        out.insert("servers".into(), vec![format!("sip:{to}")].into());
        out.insert("ping_secs".into(), 0.into());
        out
    }

    /// A trunk, to change it; made when it is not there.
    pub fn trunk(&mut self, id: &str) -> &mut Table {
        self.entry("trunks", id)
    }

    /// An agent, to change it; made when it is not there.
    pub fn agent(&mut self, id: &str) -> &mut Table {
        self.entry("agents", id)
    }

    /// An agent whose phone has a fixed address.
    pub fn fixed_agent(&mut self, id: &str, port: u16, queues: &[&str], ready: bool) {
        let contact = format!("sip:{id}@{}:{port}", IpAddr::from([127, 0, 0, 1]));
        let queues: Vec<Value> = queues.iter().map(|queue| Value::from(*queue)).collect();
        let agent = self.agent(id);
        agent.insert("name".into(), format!("Phone {id}").into());
        agent.insert("contact".into(), contact.into());
        agent.insert("ready_on_start".into(), ready.into());
        agent.insert("queues".into(), queues.into());
    }

    /// Only these agents.
    pub fn keep_agents(&mut self, ids: &[&str]) {
        if let Some(Value::Array(agents)) = self.table.get_mut("agents") {
            agents
                .retain(|agent| agent.get("id").and_then(Value::as_str).is_some_and(|id| ids.contains(&id)));
        }
    }

    /// The password of an account, as the file has it.
    pub fn password(&self, id: &str) -> Option<&str> {
        let lists = ["agents", "users"].into_iter().filter_map(|list| self.table.get(list)?.as_array());
        let mut entries = lists.flatten();
        entries.find(|entry| entry.get("id").and_then(Value::as_str) == Some(id))?.get("password")?.as_str()
    }

    /// As a file that keeps its data in `data_dir`.
    pub fn text(&self, data_dir: &Path) -> String {
        let mut whole = self.clone();
        whole.set("service", "data_dir", path(data_dir));
        whole.table.to_string()
    }

    fn list(&mut self, list: &str) -> &mut Vec<Value> {
        let list = self.table.entry(list).or_insert_with(|| Value::Array(Vec::new()));
        if !list.is_array() {
            *list = Value::Array(Vec::new());
        }
        let Value::Array(entries) = list else { unreachable!("made a list above") };
        entries
    }

    fn entry(&mut self, list: &str, id: &str) -> &mut Table {
        let entries = self.list(list);
        let place = entries.iter().position(|entry| entry.get("id").and_then(Value::as_str) == Some(id));
        let place = place.unwrap_or_else(|| {
            let mut entry = Table::new();
            entry.insert("id".into(), id.into());
            entries.push(Value::Table(entry));
            entries.len() - 1
        });
        match &mut entries[place] {
            Value::Table(entry) => entry,
            _ => unreachable!("only tables have an id"),
        }
    }
}

/// What the service ships.
pub fn assets() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../queue-service/assets")
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use queue_service::config::Config;

    use super::*;

    fn checked(setup: &Setup) -> Config {
        let file = Path::new("/nowhere/callfloor.toml");
        Config::parse(&setup.text(Path::new("/nowhere/data")), file).expect("a right configuration")
    }

    #[test]
    fn the_demonstration_is_a_right_configuration() {
        let mut setup = Setup::demo().expect("ports").with_speech();
        setup.fixed_agent("204", 7000, &["sales"], true);
        let config = checked(&setup);
        assert_eq!(config.sip.udp, [setup.sip]);
        assert_eq!(config.agents.len(), 4);
        assert_eq!(config.agents[3].contact.as_deref(), Some("sip:204@127.0.0.1:7000"));
        assert!(config.transcript.demonstration && config.transcript.audio_context == 256);
        assert_eq!(setup.password("sara"), Some("demo-sara"));
    }

    #[test]
    fn the_bench_is_a_right_configuration() {
        let phones = SocketAddr::from(([127, 0, 0, 3], 7000));
        let config = checked(&Setup::bench(1_200, phones).expect("ports"));
        assert_eq!(config.agents.len(), 1_200);
        assert_eq!(config.agents[1_199].contact.as_deref(), Some("sip:2199@127.0.0.3:7000"));
        assert!(config.agents.iter().all(|agent| agent.ready_on_start));
    }

    #[test]
    fn tests_change_what_they_need() {
        let mut setup = Setup::test().expect("ports");
        setup.queue("sales").insert("max_waiting".into(), 0.into());
        setup.keep_agents(&["202"]);
        let config = checked(&setup);
        assert_eq!((config.queues[0].max_waiting, config.queues[0].greeting.as_deref()), (0, None));
        assert_eq!(config.agents.len(), 1);
    }
}
