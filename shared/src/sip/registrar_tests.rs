use super::*;
use crate::sip::api::Transport;
use crate::sip::message::Method;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

const OWNER: Owner<'_> = Owner { username: "u201", aor_user: "201" };

struct Phone {
    registrar: Registrar,
    cseq: u32,
}

fn phone() -> Phone {
    Phone { registrar: Registrar::new(Limits::default()), cseq: 0 }
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
    fn register(&mut self, now: Timestamp, to: &str, headers: &[(&str, &str)]) -> Reply {
        self.cseq += 1;
        let mut request = Request::new(Method::Register, "sip:callfloor".parse().expect("uri"));
        request.headers.push("To", format!("<sip:{to}@callfloor>"));
        request.headers.push("Call-ID", "c1");
        request.headers.push("CSeq", format!("{} REGISTER", self.cseq));
        for (name, value) in headers {
            request.headers.push(name, value);
        }
        self.registrar.register(now, &request, flow(), OWNER)
    }
}

fn after(secs: u64) -> Timestamp {
    NOW + Duration::from_secs(secs)
}

#[test]
fn a_phone_registers_refreshes_and_leaves() {
    let mut phone = phone();
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
    let mut phone = phone();
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
    let mut phone = phone();
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
    let other = Owner { username: "other", ..OWNER };
    assert_eq!(phone.registrar.remove(other), []);
    assert_eq!(phone.registrar.remove(OWNER).len(), 1);
    assert_eq!(phone.registrar.deadline(), None);
}

#[test]
fn bindings_are_bounded_and_follow_the_instance() {
    let mut phone = phone();
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
