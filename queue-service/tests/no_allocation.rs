//! Nothing is allocated for a packet, neither in the relay nor in the mix: counted at the allocator itself. Only the
//! reports of RTCP, one in some seconds, are put together on the heap.

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use queue_service::media::{Media, MediaConfig};
use rand::SeedableRng;
use rand::rngs::StdRng;
use shared::audio::Frame;
use shared::audio::codec::Codec;
use shared::audio::mixer::{Role, Supervision};
use shared::audio::tone::Sine;
use shared::id::{CallId, LegId};
use shared::rtp::packet::{MAX_PACKET_BYTES, is_rtcp};
use shared::rtp::sender::{Config, Sender};
use shared::sdp::{Direction, Negotiated};
use shared::time::Timestamp;
use tokio::sync::mpsc;

/// Counts what the threads of the media allocate, while it is told to.
struct Counting;

static COUNTS: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract.
        unsafe { System.realloc(place, layout, size) }
    }
}

fn count() {
    if !COUNTS.load(Ordering::Relaxed) {
        return;
    }
    let mut name = [0u8; 16];
    // SAFETY: the name of a thread has at most 16 octets.
    unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    if name.starts_with(b"media-") {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    }
}

/// What one report may take.
const ALLOCATIONS_EACH_REPORT: u64 = 8;

struct Phone {
    socket: UdpSocket,
    to: SocketAddr,
    sender: Sender,
    tone: Sine,
    reports: u64,
}

impl Phone {
    fn speak(&mut self, tick: i64) {
        let mut frame = Frame::SILENCE;
        self.tone.fill(&mut frame.0);
        self.sender.push(Timestamp::from_micros(tick * 20_000), Some(&frame));
        let mut packet = [0; MAX_PACKET_BYTES];
        let len = self.sender.poll(&mut packet);
        self.socket.send_to(&packet[..len], self.to).expect("sent");
        self.listen();
    }

    fn listen(&mut self) {
        let mut packet = [0; MAX_PACKET_BYTES];
        while let Ok(len) = self.socket.recv(&mut packet) {
            self.reports += u64::from(is_rtcp(&packet[..len]));
        }
    }
}

fn negotiated(remote: SocketAddr, codec: Codec) -> Negotiated {
    let payload_type = codec.static_payload_type().unwrap_or(111);
    Negotiated {
        remote,
        remote_rtcp: remote,
        rtcp_mux: true,
        codec,
        payload_type,
        receive: vec![(payload_type, codec)],
        telephone_event: None,
        comfort_noise: None,
        ptime_millis: 20,
        direction: Direction::SendRecv,
        hold: false,
        opus: Default::default(),
        keys: None,
    }
}

/// What the media allocates in two seconds of a call with these legs, after two seconds in which every buffer comes to
/// its size; and how many packets it took and reports it sent meanwhile.
fn allocations(legs: &[(Role, Codec)]) -> (u64, u64, u64) {
    let (sender, mut events) = mpsc::channel(1_024);
    let config = MediaConfig { port_min: 32_000, port_max: 60_999, workers: 1, ..MediaConfig::default() };
    let media = Media::start(config, sender).expect("media");
    let bridge = media.open_bridge(CallId::from_u64(1));
    let mut phones = Vec::new();
    for (number, (role, codec)) in legs.iter().enumerate() {
        let leg = LegId::from_u64(number as u64 + 1);
        let local = media.open_port(bridge, leg, *role).expect("port");
        let socket = UdpSocket::bind("127.0.0.1:0").expect("socket");
        socket.set_nonblocking(true).expect("non-blocking");
        let agreed = negotiated(socket.local_addr().expect("address"), *codec);
        let random = &mut StdRng::seed_from_u64(leg.as_u64());
        let sender = Sender::new(Config::from(&agreed), random).expect("sender");
        media.connect(leg, agreed);
        let to = SocketAddr::new(local.address, local.port);
        phones.push(Phone { socket, to, sender, tone: Sine::new(440.0, 16_000, -15.0), reports: 0 });
    }
    let began = Instant::now();
    let mut before = 0;
    for tick in 1..=200u32 {
        if tick == 100 {
            before = media.stats().packets_received;
            phones.iter_mut().for_each(|phone| phone.reports = 0);
            ALLOCATIONS.store(0, Ordering::Relaxed);
            COUNTS.store(true, Ordering::Relaxed);
        }
        for phone in &mut phones {
            phone.speak(tick.into());
        }
        std::thread::sleep(
            (began + Duration::from_millis(20) * tick).saturating_duration_since(Instant::now()),
        );
    }
    COUNTS.store(false, Ordering::Relaxed);
    let packets = media.stats().packets_received - before;
    while events.try_recv().is_ok() {}
    phones.iter_mut().for_each(Phone::listen);
    (ALLOCATIONS.load(Ordering::Relaxed), packets, phones.iter().map(|phone| phone.reports).sum())
}

/// One test: the count is of the whole process.
#[test]
fn no_packet_is_allocated_for_in_relay_or_mix() {
    let (customer, agent) = (Role::Customer, Role::Agent);
    let monitor = Role::Supervisor(Supervision::Monitor);
    let barge = Role::Supervisor(Supervision::Barge);
    for legs in [
        &[(customer, Codec::Pcmu), (agent, Codec::Pcmu)][..],
        &[(customer, Codec::Opus), (agent, Codec::Opus)],
        &[(customer, Codec::Pcmu), (agent, Codec::Pcmu), (monitor, Codec::Pcma)],
        &[(customer, Codec::Pcmu), (agent, Codec::Opus), (barge, Codec::Pcma)],
    ] {
        let (allocations, packets, reports) = allocations(legs);
        assert!(packets > 100, "{legs:?}: only {packets} packets");
        assert!(
            allocations <= reports * ALLOCATIONS_EACH_REPORT,
            "{legs:?}: {allocations} allocations, {packets} packets, {reports} reports"
        );
    }
}
