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
    assert_eq!(reply.headers[0], ("Contact".into(), "<sip:201@192.168.1.7:5060>;expires=60;q=0.700".into()));
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

#[test]
fn a_phone_at_a_new_port_takes_the_place_of_its_old_binding() {
    let mut phone = phone();
    let at = |host: &str, way: u32| format!("<sip:201@{host}>;+sip.instance=\"<urn:uuid:1>\";reg-id={way}");
    let two = [("Contact", at("a:5060", 1)), ("Contact", at("a:5061", 2))];
    let two: Vec<(&str, &str)> = two.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(phone.register(NOW, "201", &two).status, 200);
    assert_eq!(phone.registrar.lookup("201").len(), 2, "two ways to one phone");
    let moved = phone.register(NOW, "201", &[("Contact", &at("b:7000", 2))]);
    assert!(matches!(moved.changes.as_slice(), [BindingChange::Refreshed { .. }]), "{moved:?}");
    let hosts: Vec<String> =
        phone.registrar.lookup("201").iter().map(|one| one.contact.host.clone()).collect();
    assert_eq!(hosts.len(), 2);
    assert!(hosts.contains(&"a".to_owned()) && hosts.contains(&"b".to_owned()), "{hosts:?}");
    let contact = moved.headers.iter().find(|(_, value)| value.contains("@b:7000")).expect("listed");
    assert!(contact.1.ends_with(";+sip.instance=\"<urn:uuid:1>\";reg-id=2"), "{contact:?}");
    // Without a number the instance alone counts.
    let plain = "<sip:201@c>;+sip.instance=\"<urn:uuid:1>\"";
    phone.register(NOW, "201", &[("Contact", plain)]);
    assert!(phone.registrar.lookup("201").len() < 3);
}

#[test]
fn contacts_are_compared_as_uris_are() {
    let mut phone = phone();
    phone.register(NOW, "201", &[("Contact", "<sip:%3201@Phone.example;transport=tcp>")]);
    let again = phone.register(NOW, "201", &[("Contact", "<sip:201@phone.EXAMPLE;transport=tcp>")]);
    assert!(matches!(again.changes.as_slice(), [BindingChange::Refreshed { .. }]), "{again:?}");
    let other = phone.register(NOW, "201", &[("Contact", "<sip:201@phone.example:5070;transport=tcp>")]);
    assert!(matches!(other.changes.as_slice(), [BindingChange::Added { .. }]), "{other:?}");
}

#[test]
fn the_path_is_kept_and_told_to_who_knows_it() {
    let mut phone = phone();
    let path = ("Path", "<sip:edge.example;lr>");
    let headers =
        [("Contact", "<sip:201@a>"), path, ("Path", "<sip:core.example;lr>"), ("Supported", "path")];
    let reply = phone.register(NOW, "201", &headers);
    assert_eq!(reply.status, 200);
    let told: Vec<&str> =
        reply.headers.iter().filter(|(name, _)| name == "Path").map(|(_, value)| value.as_str()).collect();
    assert_eq!(told, ["<sip:edge.example;lr>", "<sip:core.example;lr>"]);
    assert!(reply.headers.contains(&("Supported".into(), "path".into())));
    let route = phone.registrar.lookup("201")[0].route();
    assert_eq!(route.as_deref(), Some("<sip:edge.example;lr>, <sip:core.example;lr>"));
    let silent = phone.register(NOW, "201", &[("Contact", "<sip:201@a>"), path]);
    assert!(!silent.headers.iter().any(|(name, _)| name == "Path"), "{silent:?}");
    assert_eq!(phone.registrar.lookup("201")[0].path.len(), 1, "the newest way counts");
    let gone = phone.register(NOW, "201", &[("Contact", "<sip:201@a>")]);
    assert_eq!((gone.status, phone.registrar.lookup("201")[0].route()), (200, None));
    let wrong = phone.register(NOW, "201", &[("Contact", "<sip:201@a>"), ("Path", "<nonsense")]);
    assert_eq!(wrong.status, 400);
    let long = vec![path; 9];
    let headers: Vec<_> = [("Contact", "<sip:201@a>")].into_iter().chain(long).collect();
    assert_eq!(phone.register(NOW, "201", &headers).status, 400);
}

#[test]
fn a_refused_contact_changes_nothing() {
    let mut phone = phone();
    let both = [("Contact", "<sip:201@a>;expires=60"), ("Contact", "<sip:201@b>;expires=5")];
    assert_eq!(phone.register(NOW, "201", &both).status, 423);
    assert!(phone.registrar.lookup("201").is_empty(), "all or nothing");
    let many: Vec<String> = (0..11).map(|number| format!("<sip:201@h{number}>")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|contact| ("Contact", contact.as_str())).collect();
    assert_eq!(phone.register(NOW, "201", &many).status, 400);
    assert_eq!(phone.registrar.deadline(), None);
    let star = [("Contact", "*"), ("Contact", "<sip:201@a>"), ("Expires", "0")];
    assert_eq!(phone.register(NOW, "201", &star).status, 400);
}

#[test]
fn the_best_contact_comes_first() {
    let mut phone = phone();
    for (host, q) in [("low", "0.1"), ("high", "1.0"), ("middle", "0.55"), ("odd", "x")] {
        let contact = format!("<sip:201@{host}>;q={q}");
        assert_eq!(phone.register(NOW, "201", &[("Contact", &contact)]).status, 200);
    }
    let hosts: Vec<String> = phone.registrar.lookup("201").into_iter().map(|one| one.contact.host).collect();
    assert_eq!(hosts, ["high", "odd", "middle", "low"]);
}

#[test]
fn ten_thousand_bindings_are_refreshed_and_expire() {
    let mut registrar = Registrar::new(Limits::default());
    let mut register = |now: Timestamp, number: u32, cseq: u32| {
        let user = format!("u{number}");
        let mut request = Request::new(Method::Register, "sip:callfloor".parse().expect("uri"));
        request.headers.push("To", format!("<sip:{user}@callfloor>"));
        request.headers.push("Call-ID", &user);
        request.headers.push("CSeq", format!("{cseq} REGISTER"));
        request.headers.push("Contact", format!("<sip:{user}@10.0.0.1:5060>;expires=300"));
        let owner = Owner { username: &user, aor_user: &user };
        let reply = registrar.register(now, &request, flow(), owner);
        assert_eq!((reply.status, reply.changes.len()), (200, 1));
    };
    for round in 0..3_u32 {
        for number in 0..10_000 {
            register(after(u64::from(round) * 150), number, round + 1);
        }
    }
    assert_eq!(registrar.registered_users().count(), 10_000);
    assert_eq!(registrar.deadline(), Some(after(600)));
    assert_eq!(registrar.expire(after(599)).len(), 0);
    assert_eq!(registrar.expire(after(600)).len(), 10_000);
    assert_eq!((registrar.deadline(), registrar.registered_users().count()), (None, 0));
}
