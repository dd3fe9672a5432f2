//! The kernel's filter on a socket: of which sources only a share finds its way into the receive buffer.
//!
//! A classic BPF program (`SO_ATTACH_FILTER`, socket(7)); any process may set one on its own sockets. The lot is drawn by
//! the kernel's own generator (linux/filter.h, SKF_AD_RANDOM).

use std::io;

use tokio::net::UdpSocket;

use super::shield::Share;

/// From now on lets in these shares of what these sources send, and all of the others.
///
/// # Errors
/// What the system said; the filter is as it was.
#[cfg(target_os = "linux")]
pub(super) fn hold_back(socket: &UdpSocket, shares: &[Share]) -> io::Result<()> {
    let socket = socket2::SockRef::from(socket);
    if shares.is_empty() {
        return match socket.detach_filter() {
            // There was none.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        };
    }
    socket.attach_filter(&linux::program(shares))
}

/// Other systems have no such filter.
#[cfg(not(target_os = "linux"))]
pub(super) fn hold_back(_: &UdpSocket, _: &[Share]) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::net::IpAddr;

    use socket2::SockFilter;

    use super::Share;

    /// Loads relative to the network header (linux/filter.h, SKF_NET_OFF).
    const NETWORK_HEADER: u32 = (-0x10_0000_i32).cast_unsigned();
    /// A load from here draws a number (linux/filter.h, SKF_AD_OFF + SKF_AD_RANDOM).
    const RANDOM: u32 = (-0x1000_i32 + 56).cast_unsigned();
    /// Where the source stands in the header of each version (RFC 791 §3.1, RFC 8200 §3).
    const SOURCE_V4: u32 = 12;
    const SOURCE_V6: u32 = 8;
    /// Steps, as linux/bpf_common.h puts them together: class, size or operation, mode.
    const LOAD_WORD: u16 = 0x20;
    const LOAD_BYTE: u16 = 0x30;
    const MASK: u16 = 0x54;
    const EQUAL: u16 = 0x15;
    const AT_LEAST: u16 = 0x35;
    const RETURN: u16 = 0x06;
    const DROP: u32 = 0;
    const PASS: u32 = u32::MAX;
    /// Steps of the lot: draw, compare, drop, pass.
    const LOT_STEPS: u8 = 4;

    fn step(code: u16, (if_true, if_false): (u8, u8), k: u32) -> SockFilter {
        SockFilter::new(code, if_true, if_false, k)
    }

    /// A block for each source: draws its lot, or goes on behind the block.
    pub(super) fn program(shares: &[Share]) -> Vec<SockFilter> {
        let mut program = Vec::new();
        for Share { source, below } in shares {
            let (version, at, words) = match source {
                IpAddr::V4(address) => (0x40, SOURCE_V4, vec![u32::from(*address)]),
                IpAddr::V6(address) => {
                    let whole = address.to_bits();
                    // The /64; each shift leaves one word in the low bits.
                    let words = [96, 64].map(|shift| (whole >> shift & u128::from(u32::MAX)) as u32);
                    (0x60, SOURCE_V6, words.to_vec())
                }
            };
            // Steps that are left behind the version's test: two a word, and the lot.
            let mut left = words.len() as u8 * 2 + LOT_STEPS;
            program.push(step(LOAD_BYTE, (0, 0), NETWORK_HEADER));
            program.push(step(MASK, (0, 0), 0xf0));
            program.push(step(EQUAL, (0, left), version));
            for (word, number) in words.into_iter().zip(0_u32..) {
                left -= 2;
                program.push(step(LOAD_WORD, (0, 0), NETWORK_HEADER.wrapping_add(at + 4 * number)));
                program.push(step(EQUAL, (0, left), word));
            }
            program.push(step(LOAD_WORD, (0, 0), RANDOM));
            program.push(step(AT_LEAST, (0, 1), *below));
            program.push(step(RETURN, (0, 0), DROP));
            program.push(step(RETURN, (0, 0), PASS));
        }
        program.push(step(RETURN, (0, 0), PASS));
        program
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{IpAddr, SocketAddr};
    use std::time::Duration;

    use super::*;

    /// What arrives of so many datagrams from each of two sources.
    async fn arriving(listener: &UdpSocket, sources: [SocketAddr; 2], each: usize) -> [usize; 2] {
        let to = listener.local_addr().expect("bound");
        let mut heard = [0; 2];
        for (heard, source) in heard.iter_mut().zip(sources) {
            let sender = UdpSocket::bind(source).await.expect("bind");
            let mut buffer = [0; 16];
            let mut left = each;
            while left > 0 {
                // So few at once find room in any buffer; loopback delivers before the sender's call returns.
                for _ in 0..left.min(50) {
                    sender.send_to(b"hello", to).await.expect("send");
                    left -= 1;
                }
                let patience = Duration::from_millis(20);
                while let Ok(Ok(_)) = tokio::time::timeout(patience, listener.recv_from(&mut buffer)).await {
                    *heard += 1;
                }
            }
        }
        heard
    }

    fn none(source: IpAddr) -> Share {
        Share { source, below: 0 }
    }

    #[tokio::test]
    async fn only_those_who_are_held_back_are_not_heard() {
        let listener = UdpSocket::bind("127.0.0.1:0").await.expect("bind");
        let sources = [[127, 0, 0, 66], [127, 0, 0, 2]].map(|ip| SocketAddr::from((ip, 0)));
        let bad = sources[0].ip();
        hold_back(&listener, &[]).expect("nothing to take away");
        assert_eq!(arriving(&listener, sources, 1).await, [1, 1]);
        let others: Vec<Share> = (1..64_u8).map(|number| none(IpAddr::from([192, 0, 2, number]))).collect();
        hold_back(&listener, &[others.as_slice(), &[none(bad)]].concat()).expect("attach");
        assert_eq!(arriving(&listener, sources, 1).await, [0, 1]);
        hold_back(&listener, &[]).expect("detach");
        assert_eq!(arriving(&listener, sources, 1).await, [1, 1]);
    }

    #[tokio::test]
    async fn a_share_is_drawn_by_lot() {
        let listener = UdpSocket::bind("127.0.0.1:0").await.expect("bind");
        let sources = [[127, 0, 0, 67], [127, 0, 0, 3]].map(|ip| SocketAddr::from((ip, 0)));
        let half = Share { source: sources[0].ip(), below: u32::MAX / 2 };
        hold_back(&listener, &[half]).expect("attach");
        let [held_back, other] = arriving(&listener, sources, 400).await;
        assert_eq!(other, 400);
        // Ten standard deviations to each side of the half.
        assert!((100..=300).contains(&held_back), "{held_back} of 400");
    }

    #[tokio::test]
    async fn ipv6_is_told_apart_by_the_network() {
        let Ok(listener) = UdpSocket::bind("[::1]:0").await else { return };
        let share = |text: &str| none(text.parse().expect("an address"));
        let near = ["1::", "0:1::", "0:0:1::", "0:0:0:1::", "0.0.0.1"].map(share);
        hold_back(&listener, &near).expect("attach");
        let sources = [SocketAddr::new("::1".parse().expect("an address"), 0); 2];
        assert_eq!(arriving(&listener, sources, 1).await, [1, 1]);
        hold_back(&listener, &[share("::")]).expect("attach");
        assert_eq!(arriving(&listener, sources, 1).await, [0, 0]);
    }
}
