//! The queues M/M/N (Erlang C) and M/M/N+M (Erlang A, Palm 1946): Poisson arrivals, exponential handle times, N agents,
//! first come first served, and in the second an exponential patience.
//!
//! For Erlang A the density of the wait that a caller of endless patience would have is known (Baccelli and Hebuterne
//! 1981): `v(t) = λ p(N−1) exp(λ (1 − e^(−θt)) / θ − Nμt)`. It is integrated in the logarithm, so that neither
//! thousands of agents nor a load far above them overflow.

/// The load of a queue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// Arrivals a second, above 0.
    pub calls_per_sec: f64,
    /// Mean handle time in seconds, above 0.
    pub aht_secs: f64,
    /// Mean patience in seconds, above 0; `None` for callers who never hang up.
    pub patience_secs: Option<f64>,
}

/// What comes of it. Shares are 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// Share of the arrivals that are answered within the threshold.
    pub service_level: f64,
    /// Mean wait of the answered, in seconds; `None` when the queue grows without end, or nobody is answered.
    pub asa_secs: Option<f64>,
    /// Share that has to wait.
    pub waits: f64,
    /// Share that hangs up.
    pub abandoned: f64,
    /// Share of their time that agents handle calls.
    pub occupancy: f64,
    /// Mean number of waiting calls; `None` when it grows without end.
    pub queue_len: Option<f64>,
}

impl Load {
    /// Offered traffic in erlang.
    pub fn offered(&self) -> f64 {
        self.calls_per_sec * self.aht_secs
    }

    /// The figures with so many agents, and this threshold of the service level.
    pub fn with_agents(&self, agents: u32, threshold_secs: f64) -> Figures {
        match self.patience_secs {
            None => self.patient(agents, threshold_secs),
            Some(patience_secs) => self.impatient(agents, threshold_secs, patience_secs),
        }
    }

    fn patient(&self, agents: u32, threshold_secs: f64) -> Figures {
        let offered = self.offered();
        let count = f64::from(agents);
        if offered >= count {
            return Figures {
                service_level: 0.0,
                asa_secs: None,
                waits: 1.0,
                abandoned: 0.0,
                occupancy: if agents == 0 { 0.0 } else { 1.0 },
                queue_len: None,
            };
        }
        let occupancy = offered / count;
        // Erlang B by its recursion, which never leaves 0 to 1; then C from B.
        let blocked = (1..=agents).fold(1.0, |blocked, servers| {
            let carried = offered * blocked;
            carried / (f64::from(servers) + carried)
        });
        let waits = blocked / (1.0 - occupancy * (1.0 - blocked));
        let spare = count - offered;
        let asa_secs = waits * self.aht_secs / spare;
        Figures {
            service_level: 1.0 - waits * (-spare * threshold_secs / self.aht_secs).exp(),
            asa_secs: Some(asa_secs),
            waits,
            abandoned: 0.0,
            occupancy,
            // Little's law.
            queue_len: Some(self.calls_per_sec * asa_secs),
        }
    }

    fn impatient(&self, agents: u32, threshold_secs: f64, patience_secs: f64) -> Figures {
        if agents == 0 {
            return Figures {
                service_level: 0.0,
                asa_secs: None,
                waits: 1.0,
                abandoned: 1.0,
                occupancy: 0.0,
                queue_len: Some(self.calls_per_sec * patience_secs),
            };
        }
        let offered = self.offered();
        let count = f64::from(agents);
        // Chances of fewer busy agents, as multiples of the chance of N−1: each is j/A of the next one.
        let mut free = 0.0;
        let mut ratio = 1.0;
        for busy in (0..agents).rev() {
            free += ratio;
            ratio *= f64::from(busy) / offered;
            if ratio < free * 1e-18 {
                break;
            }
        }
        let wait = Wait {
            arrivals: self.calls_per_sec,
            served: count / self.aht_secs,
            gives_up: 1.0 / patience_secs,
        };
        let (from, peak, to) = wait.support();
        let scale = wait.exponent(peak);
        let density = |at: f64| self.calls_per_sec * (wait.exponent(at) - scale).exp();
        let patient = |at: f64| (-at / patience_secs).exp();
        // The patience bends the density at the start; after that it is close to a plain exponential.
        let bend = from + 30.0 * patience_secs;
        let over = |until: f64, what: &dyn Fn(f64) -> f64| {
            integral(from, until.min(bend), what) + integral(bend, until, what)
        };
        let all = over(to, &density);
        let answered_late = over(to, &|at| density(at) * patient(at));
        let weighted = over(to, &|at| density(at) * patient(at) * at);
        let in_time = over(to.min(threshold_secs), &|at| density(at) * patient(at));
        // With the scale that was taken out put into the free part. Either part may be beyond all numbers beside the
        // other, so both are taken as shares of the larger one.
        let free = (free.ln() - scale).exp();
        let unit = free.max(all);
        let free = if free.is_infinite() { 1.0 } else { free / unit };
        let total = free + all / unit;
        let answered = (free + answered_late / unit) / total;
        let abandoned = (1.0 - answered).max(0.0);
        Figures {
            service_level: (free + in_time / unit) / total,
            asa_secs: Some(weighted / unit / (answered * total)).filter(|secs| secs.is_finite()),
            waits: all / unit / total,
            abandoned,
            occupancy: (offered * answered / count).min(1.0),
            // Every waiting caller hangs up at the rate of his patience.
            queue_len: Some(self.calls_per_sec * abandoned * patience_secs),
        }
    }
}

/// The wait's density but for its factor: rates a second.
struct Wait {
    arrivals: f64,
    served: f64,
    gives_up: f64,
}

impl Wait {
    fn exponent(&self, at: f64) -> f64 {
        // 1 − e^(−θt) without the loss of digits at small t.
        self.arrivals * -(-self.gives_up * at).exp_m1() / self.gives_up - self.served * at
    }

    /// Where it begins, peaks and ends: outside of it the density is below e^−60 of its peak. The exponent is concave.
    fn support(&self) -> (f64, f64, f64) {
        let peak = ((self.arrivals / self.served).ln() / self.gives_up).max(0.0);
        let floor = self.exponent(peak) - 60.0;
        let from = if self.exponent(0.0) >= floor { 0.0 } else { self.cross(0.0, peak, floor) };
        let mut far = (1.0 / self.served).max(peak - from);
        while self.exponent(peak + far) > floor {
            far *= 2.0;
        }
        (from, peak, self.cross(peak + far, peak, floor))
    }

    /// Between a place below the floor and one above it.
    fn cross(&self, mut below: f64, mut above: f64, floor: f64) -> f64 {
        for _ in 0..80 {
            let middle = f64::midpoint(below, above);
            if self.exponent(middle) < floor {
                below = middle;
            } else {
                above = middle;
            }
        }
        below
    }
}

/// Simpson's rule over 4,096 panels.
fn integral(from: f64, to: f64, what: impl Fn(f64) -> f64) -> f64 {
    const PANELS: u32 = 4096;
    if to <= from {
        return 0.0;
    }
    let step = (to - from) / f64::from(PANELS);
    let inner: f64 = (1..PANELS)
        .map(|index| what(from + f64::from(index) * step) * if index % 2 == 1 { 4.0 } else { 2.0 })
        .sum();
    (what(from) + inner + what(to)) * step / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 100 calls in half an hour, three minutes each.
    const LOAD: Load = Load { calls_per_sec: 100.0 / 1800.0, aht_secs: 180.0, patience_secs: None };

    fn near(what: &str, found: f64, wanted: f64, within: f64) {
        assert!((found - wanted).abs() <= within, "{what}: {found}, wanted {wanted} ± {within}");
    }

    #[test]
    fn erlang_c_gives_the_figures_of_the_tables() {
        for (agents, waits, level, asa_secs, occupancy) in [
            (11, 0.6821, 0.3896, 122.78, 0.909),
            (12, 0.4494, 0.6402, 40.44, 0.833),
            (13, 0.2853, 0.7956, 17.12, 0.769),
            (14, 0.1741, 0.8884, 7.84, 0.714),
        ] {
            let found = LOAD.with_agents(agents, 20.0);
            near("waits", found.waits, waits, 5e-5);
            near("service level", found.service_level, level, 5e-5);
            near("asa", found.asa_secs.expect("stable"), asa_secs, 0.006);
            near("occupancy", found.occupancy, occupancy, 5e-4);
        }
    }

    #[test]
    fn a_queue_that_grows_without_end_has_no_wait() {
        for agents in [0, 9, 10] {
            let found = LOAD.with_agents(agents, 20.0);
            assert_eq!((found.service_level, found.asa_secs, found.queue_len), (0.0, None, None));
        }
    }

    /// The chances of each state, one by one, until they vanish: the definition, as an oracle of the closed form.
    fn by_states(load: &Load, agents: u32) -> (f64, f64) {
        let patience_secs = load.patience_secs.expect("patience");
        let mut weights = vec![1.0_f64];
        for state in 1..5000_u32 {
            let serving = f64::from(state.min(agents)) / load.aht_secs;
            let leaving = f64::from(state.saturating_sub(agents)) / patience_secs;
            let last = weights.last().copied().unwrap_or(0.0);
            weights.push(last * load.calls_per_sec / (serving + leaving));
        }
        let total: f64 = weights.iter().sum();
        let waits: f64 = weights.iter().skip(agents as usize).sum::<f64>() / total;
        let waiting: f64 = weights.iter().skip(agents as usize).zip(0..).map(|(w, n)| w * f64::from(n)).sum();
        (waits, waiting / total / patience_secs / load.calls_per_sec)
    }

    #[test]
    fn erlang_a_agrees_with_its_states() {
        for (agents, patience_secs) in
            [(8, 60.0), (10, 120.0), (12, 20.0), (12, 600.0), (15, 120.0), (1, 5.0)]
        {
            let load = Load { patience_secs: Some(patience_secs), ..LOAD };
            let (waits, abandoned) = by_states(&load, agents);
            let found = load.with_agents(agents, 20.0);
            near("waits", found.waits, waits, 1e-8);
            near("abandoned", found.abandoned, abandoned, 1e-8);
        }
    }

    #[test]
    fn endless_patience_is_erlang_c() {
        let load = Load { patience_secs: Some(1e9), ..LOAD };
        let (a, c) = (load.with_agents(13, 20.0), LOAD.with_agents(13, 20.0));
        near("service level", a.service_level, c.service_level, 1e-6);
        near("asa", a.asa_secs.expect("answered"), c.asa_secs.expect("stable"), 1e-3);
        near("queue", a.queue_len.expect("finite"), c.queue_len.expect("stable"), 1e-3);
    }

    #[test]
    fn large_and_overloaded_floors_do_not_overflow() {
        let load = Load { calls_per_sec: 100.0, aht_secs: 300.0, patience_secs: Some(120.0) };
        let found = load.with_agents(20_000, 20.0);
        // A third of the work cannot be done, so a third of the callers must leave.
        near("abandoned", found.abandoned, 1.0 / 3.0, 1e-3);
        near("occupancy", found.occupancy, 1.0, 1e-6);
        let enough = load.with_agents(31_000, 20.0);
        assert!(enough.service_level > 0.999 && enough.abandoned < 1e-3, "{enough:?}");
    }
}
