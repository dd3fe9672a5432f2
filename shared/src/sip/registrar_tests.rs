use super::*;
use crate::sip::api::{Credentials, Transport};
use crate::sip::digest::Client;
use crate::sip::message::Method;
use rand::SeedableRng;
use rand::rngs::StdRng;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

struct Phone {
    registrar: Registrar,
    client: Client,
    random: StdRng,
    cseq: u32,
}

fn phone(password: &str) -> Phone {
    let mut registrar = Registrar::new("callfloor", 1, Limits::default());
    registrar.set_account("u201", Account::from_password("u201", "callfloor", "secret", "201"));
    Phone {
        registrar,
        client: Client::new(Some(Credentials { username: "u201".into(), password: password.into() })),
        random: StdRng::seed_from_u64(3),
        cseq: 0,
    }
}

fn flow() -> Flow {
    Flow {
        transport: Transport::Udp,
        local: "10.0.0.1:5060".parse().expect("address"),
        remote: "198.51.100.7:40001".parse().expect("address"),
        connection: 0,
    }
}

impl Phone {
    fn once(&mut self, now: Timestamp, to: &str, headers: &[(&str, &str)]) -> Reply {
        self.cseq += 1;
        let mut request = Request::new(Method::Register, "sip:callfloor".parse().expect("uri"));
        request.headers.push("To", format!("<sip:{to}@callfloor>"));
        request.headers.push("Call-ID", "c1");
        request.headers.push("CSeq", format!("{} REGISTER", self.cseq));
        for (name, value) in headers {
            request.headers.push(name, value);
        }
        self.client.authorize(&mut request, &mut self.random);
        self.registrar.register(now, &request, flow())
    }

    /// With an answer to the challenge, where one is asked for.
    fn register(&mut self, now: Timestamp, to: &str, headers: &[(&str, &str)]) -> Reply {
        let reply = self.once(now, to, headers);
        if reply.status != 401 {
            return reply;
        }
        let mut response = Request::new(Method::Register, "sip:x".parse().expect("uri")).reply(401, "", None);
        response.headers.extend(&reply.headers);
        assert!(self.client.challenged(&response, 0), "{reply:?}");
        self.once(now, to, headers)
    }
}

fn after(secs: u64) -> Timestamp {
    NOW + Duration::from_secs(secs)
}

#[test]
fn a_phone_registers_refreshes_and_leaves() {
    let mut phone = phone("secret");
    let contact = ("Contact", "<sip:201@192.168.1.7:5060>;q=0.7;expires=60");
    let reply = phone.register(NOW, "201", &[contact, ("User-Agent", "desk")]);
    assert_eq!(reply.status, 200);
    assert!(matches!(reply.changes.as_slice(), [BindingChange::Added { .. }]), "{reply:?}");
    assert_eq!(reply.headers[0], ("Contact".into(), "<sip:201@192.168.1.7:5060>;expires=60".into()));
    assert!(reply.headers.contains(&("Date".into(), "Fri, 15 Jan 2027 08:00:00 GMT".into())), "{reply:?}");
    let found = phone.registrar.lookup("201");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].flow, flow(), "calls go to where the REGISTER came from");
    assert_eq!((found[0].q_thousandths, found[0].user_agent.as_deref()), (700, Some("desk")));

    let reply = phone.register(after(30), "201", &[contact]);
    assert!(matches!(reply.changes.as_slice(), [BindingChange::Refreshed { .. }]), "{reply:?}");
    assert_eq!(phone.registrar.deadline(), Some(after(90)));
    assert_eq!(phone.registrar.expire(after(89)), []);

    let reply = phone.register(after(40), "201", &[("Contact", "*"), ("Expires", "0")]);
    assert!(matches!(reply.changes.as_slice(), [BindingChange::Removed { .. }]), "{reply:?}");
    assert_eq!(phone.registrar.deadline(), None);
}

#[test]
fn what_is_not_refreshed_expires() {
    let mut phone = phone("secret");
    phone.register(NOW, "201", &[("Contact", "<sip:201@a>"), ("Expires", "100")]);
    phone.register(NOW, "201", &[("Contact", "<sip:201@b>"), ("Expires", "200")]);
    assert_eq!(phone.registrar.deadline(), Some(after(100)));
    assert_eq!(phone.registrar.expire(after(100)).len(), 1);
    assert_eq!(phone.registrar.lookup("201").len(), 1);
    assert_eq!(phone.registrar.expire(after(200)).len(), 1);
    assert_eq!(phone.registrar.deadline(), None);
}

#[test]
fn refusals() {
    let mut stranger = phone("guess");
    let first = stranger.once(NOW, "201", &[("Contact", "<sip:201@a>")]);
    assert_eq!(first.status, 401);
    let offered: Vec<bool> = first.headers.iter().map(|(_, value)| value.contains("SHA-256")).collect();
    assert_eq!(offered, [true, false], "SHA-256 first, then MD5");
    assert_eq!(stranger.register(NOW, "201", &[("Contact", "<sip:201@a>")]).status, 401);

    let mut phone = phone("secret");
    assert_eq!(
        phone.register(NOW, "202", &[("Contact", "<sip:202@a>")]).status,
        403,
        "somebody else's address"
    );
    let brief = phone.register(NOW, "201", &[("Contact", "<sip:201@a>"), ("Expires", "5")]);
    assert_eq!((brief.status, brief.headers), (423, vec![("Min-Expires".into(), "30".into())]));
    assert_eq!(phone.register(NOW, "201", &[("Contact", "*"), ("Expires", "9")]).status, 400);
    assert_eq!(phone.register(NOW, "201", &[("Contact", "<sip:201@a>")]).status, 200);
    phone.cseq -= 1;
    assert_eq!(
        phone.register(NOW, "201", &[("Contact", "<sip:201@a>")]).status,
        500,
        "older than what is there"
    );
    assert_eq!(phone.registrar.remove_account("u201").len(), 1);
    assert_eq!(phone.register(NOW, "201", &[("Contact", "<sip:201@a>")]).status, 401);
}

#[test]
fn bindings_are_bounded_and_follow_the_instance() {
    let mut phone = phone("secret");
    for port in 0..20 {
        let contact = format!("<sip:201@a:{}>", 5000 + port);
        assert_eq!(phone.register(NOW, "201", &[("Contact", &contact)]).status, 200);
    }
    assert_eq!(phone.registrar.lookup("201").len(), 10);
    phone.register(NOW, "201", &[("Contact", "*"), ("Expires", "0")]);
    phone.register(NOW, "201", &[("Contact", "<sip:201@a>;+sip.instance=\"<urn:uuid:1>\"")]);
    let moved = phone.register(NOW, "201", &[("Contact", "<sip:201@b>;+sip.instance=\"<urn:uuid:1>\"")]);
    assert!(matches!(moved.changes.as_slice(), [BindingChange::Refreshed { .. }]), "{moved:?}");
    assert_eq!(phone.registrar.lookup("201").len(), 1);
}
