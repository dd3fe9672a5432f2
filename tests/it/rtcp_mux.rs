//! Reports on the port of the voice (RFC 5761) where both sides want that, and on a port of their own where one does not.

use std::net::IpAddr;

use shared::rtp::packet::is_rtcp;
use tests::ports::{CARRIER, HERE, free_pair};
use tests::raw::RawPeer;
use tests::{Outcome, wait};
use tokio::net::UdpSocket;

use crate::floor::SOON;
use crate::hostile::{Evil, described};

const MUX: &str = "a=rtcp-mux";

/// A telephone's two sockets.
struct Pair {
    voice: UdpSocket,
    reports: UdpSocket,
}

impl Pair {
    async fn at(ip: IpAddr) -> Outcome<Pair> {
        let port = free_pair(ip)?;
        let (voice, reports) = (UdpSocket::bind((ip, port)).await?, UdpSocket::bind((ip, port + 1)).await?);
        Ok(Pair { voice, reports })
    }

    /// The line that describes it.
    fn line(&self, wants_mux: bool) -> Outcome<String> {
        let mux = if wants_mux { "a=rtcp-mux\n" } else { "" };
        Ok(format!("m=audio {} RTP/AVP 0\n{mux}", self.voice.local_addr()?.port()))
    }

    /// Whether the first report comes beside the voice, and the port that it comes from.
    async fn first_report(&self) -> Outcome<(bool, u16)> {
        let comes = async {
            let (mut first, mut second) = ([0; 2_048], [0; 2_048]);
            loop {
                let (is_beside, bytes, source) = tokio::select! {
                    got = self.voice.recv_from(&mut first) => { let (len, source) = got?; (true, &first[..len], source) }
                    got = self.reports.recv_from(&mut second) => { let (len, source) = got?; (false, &second[..len], source) }
                };
                if is_rtcp(bytes) {
                    return Ok((is_beside, source.port()));
                }
            }
        };
        wait::within("the first report", SOON, comes).await
    }
}

#[tokio::test]
async fn reports_come_beside_the_voice_where_both_sides_want_that() -> Outcome {
    for wants_mux in [true, false] {
        let mut evil = Evil::new().await?;
        let mut phone = RawPeer::at(HERE, evil.floor.port("301"), evil.floor.service.setup.sip).await?;
        let (caller, called) = (Pair::at(CARRIER).await?, Pair::at(HERE).await?);
        // The caller's offer is answered as it wants.
        let ok = evil.invite(&described(&caller.line(wants_mux)?), "").await?;
        assert_eq!(ok.status(), 200, "{}", ok.0);
        assert_eq!(ok.0.contains(MUX), wants_mux, "{}", ok.0);
        // Our own offer wants it, and the phone takes it or refuses.
        let invite = phone.gets("INVITE").await?;
        assert!(invite.0.contains(MUX), "{}", invite.0);
        let own = phone.address()?;
        let body = described(&called.line(wants_mux)?).replace(&CARRIER.to_string(), &HERE.to_string());
        phone.answer(&invite, "200 OK", "mux", &format!("Contact: <sip:301@{own}>\n{body}")).await?;
        phone.gets("ACK").await?;
        for (pair, description) in [(&caller, &ok), (&called, &invite)] {
            let from = description.voice_port()? + u16::from(!wants_mux);
            assert_eq!(pair.first_report().await?, (wants_mux, from), "wants mux: {wants_mux}");
        }
        assert_eq!(evil.within(&ok, "BYE", 2, "").await?.status(), 200);
        let bye = phone.gets("BYE").await?;
        phone.answer(&bye, "200 OK", "", "").await?;
    }
    Ok(())
}
