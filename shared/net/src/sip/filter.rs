//! The kernel's filter on a socket: which sources find no way into its receive buffer.
//!
//! A classic BPF program (`SO_ATTACH_FILTER`, socket(7)); any process may set one on its own sockets.

use std::io;
use std::net::IpAddr;

use tokio::net::UdpSocket;

/// From now on drops what these sources send, and nothing else.
///
/// # Errors
/// What the system said; the filter is as it was.
#[cfg(target_os = "linux")]
pub(super) fn shut_out(socket: &UdpSocket, sources: &[IpAddr]) -> io::Result<()> {
    let socket = socket2::SockRef::from(socket);
    if sources.is_empty() {
        return match socket.detach_filter() {
            // There was none.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        };
    }
    socket.attach_filter(&linux::program(sources))
}

/// Other systems have no such filter.
#[cfg(not(target_os = "linux"))]
pub(super) fn shut_out(_: &UdpSocket, _: &[IpAddr]) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::net::IpAddr;

    use socket2::SockFilter;

    /// Loads relative to the network header (linux/filter.h, SKF_NET_OFF).
    const NETWORK_HEADER: u32 = (-0x10_0000_i32).cast_unsigned();
    /// Where the source stands in the header of each version (RFC 791 §3.1, RFC 8200 §3).
    const SOURCE_V4: u32 = 12;
    const SOURCE_V6: u32 = 8;
    /// Steps, as linux/bpf_common.h puts them together: class, size or operation, mode.
    const LOAD_WORD: u16 = 0x20;
    const LOAD_BYTE: u16 = 0x30;
    const MASK: u16 = 0x54;
    const EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const DROP: u32 = 0;
    const PASS: u32 = u32::MAX;

    fn step(code: u16, (if_true, if_false): (u8, u8), k: u32) -> SockFilter {
        SockFilter::new(code, if_true, if_false, k)
    }

    /// A block for each source: drops it, or goes on behind the block.
    pub(super) fn program(sources: &[IpAddr]) -> Vec<SockFilter> {
        let mut program = Vec::new();
        for source in sources {
            let (version, at, words) = match source.to_canonical() {
                IpAddr::V4(address) => (0x40, SOURCE_V4, vec![u32::from(address)]),
                IpAddr::V6(address) => {
                    let whole = u128::from(address);
                    // Each shift leaves one word in the low bits.
                    let words = [96, 64, 32, 0].map(|shift| (whole >> shift & u128::from(u32::MAX)) as u32);
                    (0x60, SOURCE_V6, words.to_vec())
                }
            };
            // Steps that are left behind the version's test: two a word, and the drop.
            let mut left = (words.len() * 2 + 1) as u8;
            program.push(step(LOAD_BYTE, (0, 0), NETWORK_HEADER));
            program.push(step(MASK, (0, 0), 0xf0));
            program.push(step(EQUAL, (0, left), version));
            for (word, number) in words.into_iter().zip(0_u32..) {
                left -= 2;
                program.push(step(LOAD_WORD, (0, 0), NETWORK_HEADER.wrapping_add(at + 4 * number)));
                program.push(step(EQUAL, (0, left), word));
            }
            program.push(step(RETURN, (0, 0), DROP));
        }
        program.push(step(RETURN, (0, 0), PASS));
        program
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use super::*;

    /// What arrives of one datagram from each of two sources.
    async fn arriving(listener: &UdpSocket, sources: [SocketAddr; 2]) -> Vec<IpAddr> {
        let to = listener.local_addr().expect("bound");
        for source in sources {
            let sender = UdpSocket::bind(source).await.expect("bind");
            sender.send_to(b"hello", to).await.expect("send");
        }
        let mut heard = Vec::new();
        let mut buffer = [0; 16];
        // Loopback delivers before the sender's call returns.
        while let Ok(Ok((_, from))) =
            tokio::time::timeout(Duration::from_millis(20), listener.recv_from(&mut buffer)).await
        {
            heard.push(from.ip());
        }
        heard
    }

    #[tokio::test]
    async fn only_those_who_are_shut_out_are_not_heard() {
        let listener = UdpSocket::bind("127.0.0.1:0").await.expect("bind");
        let sources = [[127, 0, 0, 66], [127, 0, 0, 2]].map(|ip| SocketAddr::from((ip, 0)));
        let [bad, good] = sources.map(|source| source.ip());
        shut_out(&listener, &[]).expect("nothing to take away");
        assert_eq!(arriving(&listener, sources).await, [bad, good]);
        let others: Vec<IpAddr> = (1..64_u8).map(|number| IpAddr::from([192, 0, 2, number])).collect();
        shut_out(&listener, &[others.as_slice(), &[bad]].concat()).expect("attach");
        assert_eq!(arriving(&listener, sources).await, [good]);
        shut_out(&listener, &[]).expect("detach");
        assert_eq!(arriving(&listener, sources).await, [bad, good]);
    }

    #[tokio::test]
    async fn ipv6_is_told_apart_word_by_word() {
        let Ok(listener) = UdpSocket::bind("[::1]:0").await else { return };
        let here: IpAddr = "::1".parse().expect("an address");
        let near: Vec<IpAddr> = ["::2", "::1:0:1", "1::1", "0.0.0.1"]
            .iter()
            .map(|text| text.parse().expect("an address"))
            .collect();
        shut_out(&listener, &near).expect("attach");
        let sources = [SocketAddr::new(here, 0); 2];
        assert_eq!(arriving(&listener, sources).await, [here, here]);
        shut_out(&listener, &[here]).expect("attach");
        assert!(arriving(&listener, sources).await.is_empty());
    }
}
