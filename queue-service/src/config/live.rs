//! Which parts of the configuration a running service can change, and which wait for the next start.

use super::Config;

impl Config {
    /// Sections that differ and take effect with the next start only.
    pub fn restart_for(&self, new: &Config) -> Vec<&'static str> {
        // Named one by one, so that a new section must be put in one of the two places.
        let Config {
            service,
            sip,
            defence,
            media,
            http,
            store,
            auth,
            recording,
            prompts,
            acd,
            transcript,
            outbound,
            trunks,
            breaks: _,
            skills: _,
            queues: _,
            agents: _,
            users: _,
            folder: _,
            content_hash: _,
            file: _,
            source: _,
        } = self;
        let same = [
            ("service", *service == new.service),
            ("sip", *sip == new.sip),
            ("defence", *defence == new.defence),
            ("media", *media == new.media),
            ("http", *http == new.http),
            ("store", *store == new.store),
            ("auth", *auth == new.auth),
            ("recording", *recording == new.recording),
            ("prompts", *prompts == new.prompts),
            ("acd", *acd == new.acd),
            ("transcript", *transcript == new.transcript),
            ("outbound", *outbound == new.outbound),
            ("trunks", *trunks == new.trunks),
        ];
        same.into_iter().filter(|(_, same)| !same).map(|(section, _)| section).collect()
    }

    /// What runs when `self` started and `new` is the configuration from now on: the sections of the start, with
    /// breaks, skills, queues, agents and users as they are now.
    pub fn running(&self, new: &Config) -> Config {
        Config {
            breaks: new.breaks.clone(),
            skills: new.skills.clone(),
            queues: new.queues.clone(),
            agents: new.agents.clone(),
            users: new.users.clone(),
            content_hash: new.content_hash.clone(),
            source: new.source.clone(),
            ..self.clone()
        }
    }
}
