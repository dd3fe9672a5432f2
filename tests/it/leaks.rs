//! What one side of a call must never learn of the other: every header of the customer carries a mark that the agent's
//! phone must not see, and the other way round. Both sides are bare sockets that keep every byte.

use std::net::SocketAddr;
use std::time::Duration;

use tests::Outcome;
use tests::ports::{self, CARRIER, HERE};
use tests::setup::Setup;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::floor::{Floor, SALES, SOON};

/// A side that speaks in raw bytes.
struct Side {
    socket: UdpSocket,
    address: SocketAddr,
    service: SocketAddr,
    mark: &'static str,
    heard: String,
}

impl Side {
    async fn bind(address: SocketAddr, service: SocketAddr, mark: &'static str) -> Outcome<Side> {
        let socket = UdpSocket::bind(address).await?;
        let address = socket.local_addr()?;
        Ok(Side { socket, address, service, mark, heard: String::new() })
    }

    async fn send(&self, text: String) -> Outcome {
        self.socket.send_to(text.as_bytes(), self.service).await?;
        Ok(())
    }

    /// The next message that begins like this; everything that comes is kept.
    async fn hear(&mut self, start: &str) -> Outcome<String> {
        let mut buffer = vec![0; 65_536];
        loop {
            let (len, _) = timeout(SOON, self.socket.recv_from(&mut buffer))
                .await
                .map_err(|_| format!("{} waits for {start}; heard:\n{}", self.mark, self.heard))??;
            let text = String::from_utf8_lossy(&buffer[..len]).into_owned();
            self.heard.push_str(&text);
            if text.starts_with(start) {
                return Ok(text);
            }
        }
    }

    /// Headers with the mark in every place that is this side's own business.
    fn marked(&self) -> String {
        let (mark, address) = (self.mark, self.address);
        format!(
            "Contact: \"{mark}\" <sip:{mark}@{address};x={mark}>;y={mark}\r\n\
             User-Agent: {mark}/1.0\r\nServer: {mark}\r\nOrganization: {mark}\r\nSubject: {mark}\r\n\
             Reply-To: <sip:{mark}@x.example>\r\nP-Asserted-Identity: \"{mark}\" <sip:{mark}@x.example>\r\n\
             P-Preferred-Identity: <sip:{mark}@x.example>\r\nRemote-Party-ID: <sip:{mark}@x.example>;party=calling\r\n\
             Diversion: <sip:{mark}@x.example>;reason=unknown\r\nHistory-Info: <sip:{mark}@x.example>;index=1\r\n\
             Call-Info: <http://{mark}.example>;purpose=info\r\nAlert-Info: <http://{mark}.example>\r\n\
             Identity: {mark}\r\nGeolocation: <sip:{mark}@x.example>\r\nPriority: {mark}\r\nAccept-Language: {mark}\r\n\
             In-Reply-To: {mark}\r\nP-Charging-Vector: icid-value={mark}\r\nP-Access-Network-Info: {mark}\r\n\
             User-to-User: {mark};encoding=hex\r\nX-{mark}: 1\r\nX-Custom: {mark}\r\nWarning: 399 {mark} \"{mark}\"\r\n\
             Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, {mark}\r\nSupported: {mark}\r\n"
        )
    }

    fn sdp(&self) -> String {
        let (mark, ip) = (self.mark, self.address.ip());
        let body = format!(
            "v=0\r\no={mark} 1 1 IN IP4 {ip}\r\ns={mark}\r\ni={mark}\r\nc=IN IP4 {ip}\r\nt=0 0\r\na=tool:{mark}\r\n\
             m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=x-{mark}:1\r\na=label:{mark}\r\n"
        );
        format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }

    /// A response with marks to a request.
    fn answer(&self, request: &str, line: &str, sdp: bool) -> String {
        let mut text = format!("SIP/2.0 {line}\r\n");
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            for value in fields(request, name) {
                let tag = if name == "To" && !value.contains(";tag=") {
                    format!(";tag={}", self.mark)
                } else {
                    String::new()
                };
                text.push_str(&format!("{name}: {value}{tag}\r\n"));
            }
        }
        text.push_str(&self.marked());
        text.push_str(&if sdp { self.sdp() } else { "Content-Length: 0\r\n\r\n".into() });
        text
    }
}

fn fields<'t>(message: &'t str, name: &str) -> Vec<&'t str> {
    let head = message.split("\r\n\r\n").next().unwrap_or_default();
    let lines = head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
    lines.filter(|(have, _)| have.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
}

fn field(message: &str, name: &str) -> Outcome<String> {
    let found = fields(message, name);
    Ok((*found.first().ok_or_else(|| format!("no {name} in\n{message}"))?).to_owned())
}

/// A call from customer to agent, ended by one of them; all that each side heard.
async fn call(customer_ends: bool) -> Outcome<(String, String)> {
    let mut setup = Setup::test()?;
    setup.keep_agents(&[]);
    let port = ports::free_pair(HERE)?;
    setup.fixed_agent("301", port, &["sales"], true);
    let sip = setup.sip;
    let mut agent = Side::bind(SocketAddr::new(HERE, port), sip, "AGENTMARK").await?;
    let mut customer = Side::bind(SocketAddr::new(CARRIER, 0), sip, "CUSTOMERMARK").await?;
    let _floor = Floor::start(setup).await?;
    let (mark, me) = (customer.mark, customer.address);
    let begin = |method: &str, uri: &str, branch: &str, to: &str, number: u32| {
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK{mark}{branch};x={mark}\r\n\
             From: \"Carla\" <sip:+49301@{mark}.example>;tag={mark}\r\nTo: {to}\r\nCall-ID: {mark}@{mark}\r\n\
             CSeq: {number} {method}\r\nMax-Forwards: 70\r\n"
        )
    };
    let uri = format!("sip:{SALES}@{sip}");
    let to = format!("\"{mark}\" <{uri}>");
    customer.send(begin("INVITE", &uri, "1", &to, 1) + &customer.marked() + &customer.sdp()).await?;
    let answered = customer.hear("SIP/2.0 200").await?;
    let to = field(&answered, "To")?;
    let contact = field(&answered, "Contact")?;
    let target = contact.trim_start_matches('<').split('>').next().unwrap_or_default().to_owned();
    let empty = "Content-Length: 0\r\n\r\n";
    customer.send(begin("ACK", &target, "2", &to, 1) + &customer.marked() + empty).await?;

    let invite = agent.hear("INVITE").await?;
    agent.send(agent.answer(&invite, "180 Ringing", false)).await?;
    agent.send(agent.answer(&invite, "200 OK", true)).await?;
    let ack = agent.hear("ACK").await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    if customer_ends {
        let reason = format!("Reason: Q.850;cause=31;text=\"{mark}\"\r\n");
        customer.send(begin("BYE", &target, "3", &to, 2) + &reason + &customer.marked() + empty).await?;
        let bye = agent.hear("BYE").await?;
        assert_eq!(fields(&bye, "Reason"), ["Q.850;cause=31"], "the cause passes, the text does not");
        agent.send(agent.answer(&bye, "200 OK", false)).await?;
        customer.hear("SIP/2.0 200").await?;
    } else {
        let (from, to) = (field(&ack, "To")?, field(&ack, "From")?);
        let target = field(&invite, "Contact")?;
        let target = target.trim_start_matches('<').split('>').next().unwrap_or_default();
        let (mark, me, id) = (agent.mark, agent.address, field(&invite, "Call-ID")?);
        let bye = format!(
            "BYE {target} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK{mark};x={mark}\r\nFrom: {from}\r\n\
             To: {to}\r\nCall-ID: {id}\r\nCSeq: 1 BYE\r\nMax-Forwards: 70\r\nReason: SIP;cause=200;text=\"{mark}\"\r\n"
        );
        agent.send(bye + &agent.marked() + empty).await?;
        agent.hear("SIP/2.0 200").await?;
        let bye = customer.hear("BYE").await?;
        customer.send(customer.answer(&bye, "200 OK", false)).await?;
    }
    Ok((customer.heard, agent.heard))
}

#[tokio::test]
async fn no_header_of_one_side_reaches_the_other() -> Outcome {
    for customer_ends in [true, false] {
        let (customer, agent) = call(customer_ends).await?;
        assert!(agent.contains("Carla"), "the caller's name is shown:\n{agent}");
        for (heard, mark) in [(&customer, "AGENTMARK"), (&agent, "CUSTOMERMARK")] {
            let lower = heard.to_lowercase();
            let line = lower.lines().find(|line| line.contains(&mark.to_lowercase()));
            assert_eq!(line, None, "{mark} leaked:\n{heard}");
        }
        assert!(customer.contains("CUSTOMERMARK") && agent.contains("AGENTMARK"), "each has its own dialog");
        // Neither do addresses: the other side's host stands nowhere.
        assert!(!agent.contains("127.0.0.2"), "the customer's address leaked:\n{agent}");
    }
    Ok(())
}
