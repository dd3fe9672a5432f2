//! Keys that a party presses: told, and pressed again for who hears it.

use shared::audio::mixer::Role;
use shared::rtp::dtmf::KeyEvent;

use super::Bridge;
use crate::media::event::MediaEvent;
use crate::media::port::Port;
use crate::media::worker::Desk;

impl Bridge {
    /// Tells the keys that went down, and presses them again towards the customer or the agents who hear the one who
    /// pressed, unless they went on as they came. A supervisor's keys go nowhere.
    pub(super) fn keys(&self, desk: &mut Desk) {
        for (place, slot) in self.slots.iter().enumerate() {
            if let Some(port) = desk.ports.get_mut(*slot).and_then(Option::as_deref_mut)
                && let Some(digit) = port.next_heard_key()
            {
                desk.outlet.send(MediaEvent::Digit { call: self.call, leg: port.leg, digit });
            }
            while let Some((event, port)) = desk
                .ports
                .get_mut(*slot)
                .and_then(Option::as_deref_mut)
                .and_then(|port| Some((port.next_key()?, port)))
            {
                let (key, millis) = match event {
                    KeyEvent::Pressed(digit) => {
                        let leg = port.leg;
                        let mut went_to = port.relay_to;
                        for to in &mut went_to {
                            // Who is between relay and mix does not get packets.
                            *to = to
                                .filter(|slot| desk.port(*slot).is_some_and(|port| port.handover.is_none()));
                        }
                        if let Some(port) = desk.port(*slot) {
                            port.key_relayed_to = went_to;
                        }
                        desk.outlet.send(MediaEvent::Digit { call: self.call, leg, digit });
                        continue;
                    }
                    KeyEvent::Released { key, millis } => (key, millis),
                };
                let went_on = port.key_relayed_to;
                if is_supervisor(port) {
                    continue;
                }
                for (listener, other) in self.slots.iter().enumerate() {
                    if self.matrix.hears(listener, place)
                        && !went_on.contains(&Some(*other))
                        && let Some(port) = desk.port(*other).filter(|port| !is_supervisor(port))
                    {
                        port.press(key, millis);
                    }
                }
            }
        }
    }
}

fn is_supervisor(port: &Port) -> bool {
    matches!(port.party.role, Role::Supervisor(_))
}
