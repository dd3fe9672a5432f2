//! Skills: with a list of them, every skill that is named must be in it.

use std::collections::BTreeSet;

use shared::id::SkillId;

use super::{Check, Step};

impl Check<'_> {
    pub(super) fn skills(&mut self) {
        let config = self.config;
        let mut known = BTreeSet::new();
        for (index, skill) in config.skills.iter().enumerate() {
            if !known.insert(&skill.id) {
                let problem = format!("{} is there twice", skill.id);
                self.fault(path!["skills", index, "id"], problem, "each id once");
            }
        }
        if known.is_empty() {
            return;
        }
        for (index, queue) in config.queues.iter().enumerate() {
            for skill in queue.skills.keys() {
                self.known_skill(&known, path!["queues", index, "skills", skill.as_str()], skill);
            }
            for (place, step) in queue.routing.relax.iter().enumerate() {
                for need in step.skills.iter().flatten() {
                    let path = path!["queues", index, "routing", "relax", place, "skills"];
                    self.known_skill(&known, path, &need.skill);
                }
            }
        }
        for (index, agent) in config.agents.iter().enumerate() {
            for skill in agent.skills.keys() {
                self.known_skill(&known, path!["agents", index, "skills", skill.as_str()], skill);
            }
        }
    }

    fn known_skill(&mut self, known: &BTreeSet<&SkillId>, path: Vec<Step>, skill: &SkillId) {
        if known.contains(skill) {
            return;
        }
        let mean = nearest(skill.as_str(), known.iter().map(|id| id.as_str()));
        let mean = mean.map(|id| format!(", did you mean {id}?")).unwrap_or_default();
        self.fault(path, format!("unknown skill {skill}{mean}"), "a skill of [[skills]]");
    }
}

/// The known word that is most like another one, when it is like it at all.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|id| (strsim::jaro_winkler(word, id), id))
        .filter(|(likeness, _)| *likeness >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, id)| id)
}
