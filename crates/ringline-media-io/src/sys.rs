//! The system calls that the standard library does not give: each with the proof that its use is sound.

use std::io;
use std::mem::{size_of, zeroed, MaybeUninit};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd};

/// The lowest real-time priority but a few: before all ordinary threads, behind what others need even more urgently.
const PACING_PRIORITY: libc::c_int = 5;
/// Where real time is not allowed.
const PACING_NICENESS: libc::c_int = -15;
/// Of the threads that serve the pacing threads.
const SERVING_NICENESS: libc::c_int = -10;
/// Longest datagram kept whole; an Ethernet frame holds less.
const DATAGRAM_BYTES: usize = 2048;
/// Room for the kernel's time stamp, aligned as control messages must be.
type Control = [u64; 8];

/// Nanoseconds on the clock that never jumps.
pub fn monotonic_ns() -> u64 {
    // SAFETY: `timespec` is plain data; zero is a valid value.
    let mut time: libc::timespec = unsafe { zeroed() };
    // SAFETY: the pointer is to a live, writable timespec; this clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Microseconds since 1970, on the clock that stamps arrivals.
pub fn wall_us() -> u64 {
    // SAFETY: `timespec` is plain data; zero is a valid value.
    let mut time: libc::timespec = unsafe { zeroed() };
    // SAFETY: the pointer is to a live, writable timespec; this clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &mut time) };
    time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1000
}

/// Processor time of the calling thread in nanoseconds.
pub fn thread_cpu_ns() -> u64 {
    // SAFETY: `timespec` is plain data; zero is a valid value.
    let mut time: libc::timespec = unsafe { zeroed() };
    // SAFETY: the pointer is to a live, writable timespec; this clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Sleep until a moment of the clock that never jumps; returns at once when it is past.
pub fn sleep_until(moment_ns: u64) {
    let time = libc::timespec {
        tv_sec: (moment_ns / 1_000_000_000) as libc::time_t,
        tv_nsec: (moment_ns % 1_000_000_000) as libc::c_long,
    };
    loop {
        // SAFETY: the pointer is to a live timespec with nanoseconds below one second; the remainder is not asked for.
        let result =
            unsafe { libc::clock_nanosleep(libc::CLOCK_MONOTONIC, libc::TIMER_ABSTIME, &time, std::ptr::null_mut()) };
        if result != libc::EINTR {
            return;
        }
    }
}

/// Let the calling thread run before others, as far as this process may: audio that comes late is no audio. A pacing
/// thread sleeps nearly all of the time, so nobody has to wait for it for long.
pub fn run_first() {
    // SAFETY: a scheduling parameter is plain data; zero is a valid value.
    let mut parameter: libc::sched_param = unsafe { zeroed() };
    parameter.sched_priority = PACING_PRIORITY;
    // SAFETY: 0 means the calling thread, and the pointer is to a live parameter.
    let refused = unsafe { libc::sched_setscheduler(0, libc::SCHED_RR, &raw const parameter) } != 0;
    if refused {
        // SAFETY: plain numbers; who 0 means the calling thread on Linux. Where this is refused too, all stays as it is.
        unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, PACING_NICENESS) };
    }
    // SAFETY: plain numbers: the thread's sleeps may end one nanosecond late, not fifty microseconds.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1 as libc::c_ulong, 0, 0, 0) };
}

/// Let the calling thread run soon, but after the pacing threads: what strangers make it do must not hold those up.
pub fn run_early() {
    // SAFETY: plain numbers; who 0 means the calling thread on Linux. Where this is refused, all stays as it is.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, SERVING_NICENESS) };
}

/// Ask the kernel to stamp each datagram with its time of arrival.
pub fn stamp_arrivals(socket: BorrowedFd<'_>) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the descriptor is open (it is borrowed), the value a live int whose size is given.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_TIMESTAMPNS,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Let a socket forget its peer: it takes datagrams from anybody again.
pub(crate) fn disconnect(socket: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: a socket address is plain data; zero is a valid value.
    let mut name: libc::sockaddr = unsafe { zeroed() };
    name.sa_family = libc::AF_UNSPEC as libc::sa_family_t;
    // SAFETY: the descriptor is open (it is borrowed), the name live and of the length given.
    let result =
        unsafe { libc::connect(socket.as_raw_fd(), &raw const name, size_of::<libc::sockaddr>() as libc::socklen_t) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Send to the peer of a connected socket without blocking. As for receiving, the system is called directly: the C
/// library's own functions are points at which a thread may be cancelled, and prepare for that twice on every call.
pub(crate) fn send(socket: BorrowedFd<'_>, packet: &[u8]) -> io::Result<()> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: the descriptor is open (it is borrowed), the buffer is live and of the length given; there is no address.
    let sent = unsafe {
        libc::syscall(libc::SYS_sendto, socket.as_raw_fd(), packet.as_ptr(), packet.len(), flags, 0usize, 0usize)
    };
    if sent < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// A received datagram.
pub struct Received<'a> {
    /// Its bytes.
    pub bytes: &'a mut [u8],
    /// Where it came from.
    pub from: SocketAddr,
    /// When it came, in microseconds of the wall clock.
    pub arrival_us: u64,
}

/// The buffer for receiving; one per pacing thread.
pub struct Batch {
    buffer: Box<[u8; DATAGRAM_BYTES]>,
    length: usize,
    from: Option<SocketAddr>,
    arrival_us: u64,
}

impl Default for Batch {
    fn default() -> Self {
        Batch { buffer: Box::new([0; DATAGRAM_BYTES]), length: 0, from: None, arrival_us: 0 }
    }
}

impl Batch {
    /// Take a waiting datagram without blocking; false when there is none. `peer` is known if the socket is connected.
    pub fn receive(&mut self, socket: BorrowedFd<'_>, peer: Option<SocketAddr>) -> io::Result<bool> {
        let mut name =
            if peer.is_none() { MaybeUninit::<libc::sockaddr_storage>::zeroed() } else { MaybeUninit::uninit() };
        let mut control: Control = [0; 8];
        let mut vector = libc::iovec { iov_base: self.buffer.as_mut_ptr().cast(), iov_len: DATAGRAM_BYTES };
        // SAFETY: a header is plain data; null pointers with zero lengths are what an empty one holds.
        let mut header: libc::msghdr = unsafe { zeroed() };
        if peer.is_none() {
            header.msg_name = name.as_mut_ptr().cast();
            header.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        }
        header.msg_iov = &raw mut vector;
        header.msg_iovlen = 1;
        header.msg_control = (&raw mut control).cast();
        header.msg_controllen = size_of::<Control>() as _;
        // SAFETY: the header points to buffers of the lengths it tells, all alive and not otherwise borrowed until the
        // call returns.
        let length =
            unsafe { libc::syscall(libc::SYS_recvmsg, socket.as_raw_fd(), &raw mut header, libc::MSG_DONTWAIT) };
        if length < 0 {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::WouldBlock { Ok(false) } else { Err(error) };
        }
        self.length = (length as usize).min(DATAGRAM_BYTES);
        self.arrival_us = arrival(&header);
        self.from = match peer {
            Some(peer) => Some(peer),
            None if header.msg_namelen as usize >= size_of::<libc::sockaddr_in>() => {
                // SAFETY: the call succeeded and the header had room for a name, so the kernel has written one of the
                // length it tells; the rest was zeroed before.
                address(unsafe { name.assume_init_ref() })
            }
            None => None,
        };
        Ok(true)
    }

    /// Make it hold a datagram, as if it had been received.
    pub fn fill(&mut self, bytes: &[u8], from: SocketAddr, arrival_us: u64) {
        self.length = bytes.len().min(DATAGRAM_BYTES);
        self.buffer[..self.length].copy_from_slice(&bytes[..self.length]);
        (self.from, self.arrival_us) = (Some(from), arrival_us);
    }

    /// The datagram that was received last; `None` when its source makes no sense.
    pub fn datagram(&mut self) -> Option<Received<'_>> {
        let from = self.from?;
        Some(Received { bytes: &mut self.buffer[..self.length], from, arrival_us: self.arrival_us })
    }
}

/// Read the kernel's time stamp out of a received header; the present when there is none.
fn arrival(header: &libc::msghdr) -> u64 {
    // SAFETY: the header was filled by the kernel; its control pointer and length describe a live, aligned buffer.
    let mut message = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !message.is_null() {
        // SAFETY: CMSG_FIRSTHDR and CMSG_NXTHDR give null or a whole cmsghdr inside the buffer.
        let known = unsafe { &*message };
        if known.cmsg_level == libc::SOL_SOCKET && known.cmsg_type == libc::SCM_TIMESTAMPNS {
            // SAFETY: a message of this type carries one timespec; reading it unaligned needs no more than its bytes.
            let time: libc::timespec = unsafe { std::ptr::read_unaligned(libc::CMSG_DATA(message).cast()) };
            return time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1000;
        }
        // SAFETY: both pointers belong to the same header, unchanged since the kernel filled it.
        message = unsafe { libc::CMSG_NXTHDR(header, message) };
    }
    wall_us()
}

fn address(storage: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match libc::c_int::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that the storage, larger and as strictly aligned, holds a sockaddr_in.
            let name = unsafe { &*std::ptr::from_ref(storage).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(name.sin_addr.s_addr));
            Some(SocketAddr::V4(SocketAddrV4::new(ip, u16::from_be(name.sin_port))))
        }
        libc::AF_INET6 => {
            // SAFETY: the family says that the storage, larger and as strictly aligned, holds a sockaddr_in6.
            let name = unsafe { &*std::ptr::from_ref(storage).cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(name.sin6_addr.s6_addr);
            Some(SocketAddr::V6(SocketAddrV6::new(ip, u16::from_be(name.sin6_port), 0, name.sin6_scope_id)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::os::fd::AsFd;

    /// A busy kernel delivers a little later even on the loopback interface.
    fn arrives(batch: &mut Batch, at: &UdpSocket, from: Option<SocketAddr>) -> bool {
        let mut wanted = [libc::pollfd { fd: at.as_raw_fd(), events: libc::POLLIN, revents: 0 }];
        // SAFETY: one live pollfd, and the count says one.
        unsafe { libc::poll(wanted.as_mut_ptr(), 1, 10_000) };
        batch.receive(at.as_fd(), from).unwrap()
    }

    #[test]
    fn a_datagram_comes_with_source_and_time() {
        for ip in ["127.0.0.1", "::1"] {
            let Ok(ours) = UdpSocket::bind((ip, 0)) else { continue };
            ours.set_nonblocking(true).unwrap();
            stamp_arrivals(ours.as_fd()).unwrap();
            let mut batch = Batch::default();
            assert!(!batch.receive(ours.as_fd(), None).unwrap());
            let peer = UdpSocket::bind((ip, 0)).unwrap();
            let before_us = wall_us();
            peer.send_to(&[8; 11], ours.local_addr().unwrap()).unwrap();
            assert!(arrives(&mut batch, &ours, None));
            let got = batch.datagram().unwrap();
            assert_eq!((got.bytes.to_vec(), got.from), (vec![8; 11], peer.local_addr().unwrap()));
            assert!((before_us..=wall_us()).contains(&got.arrival_us));
            assert!(!batch.receive(ours.as_fd(), None).unwrap());
        }
    }

    #[test]
    fn a_connected_socket_hears_its_peer_alone_until_it_is_let_go() {
        let mut sockets: Vec<UdpSocket> = (0..3).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
        // A socket keeps the port that it asked for by number; one that the kernel chose would be lost.
        let at = sockets[0].local_addr().unwrap();
        let peer = sockets[1].local_addr().unwrap();
        drop(sockets.remove(0));
        sockets.insert(0, UdpSocket::bind(at).unwrap());
        let ours = &sockets[0];
        ours.connect(peer).unwrap();
        let mut batch = Batch::default();
        sockets[2].send_to(&[2], at).unwrap();
        sockets[1].send_to(&[1], at).unwrap();
        assert!(arrives(&mut batch, ours, Some(peer)));
        assert_eq!(batch.datagram().unwrap().bytes, &[1]);
        assert!(!batch.receive(ours.as_fd(), Some(peer)).unwrap());
        disconnect(ours.as_fd()).unwrap();
        assert_eq!(ours.local_addr().unwrap(), at);
        sockets[2].send_to(&[2], at).unwrap();
        assert!(arrives(&mut batch, ours, None));
        assert_eq!(batch.datagram().unwrap().from, sockets[2].local_addr().unwrap());
    }

    #[test]
    fn sleeping_ends_at_the_moment_asked_for() {
        let moment = monotonic_ns() + 3_000_000;
        sleep_until(moment);
        assert!(monotonic_ns() >= moment);
        sleep_until(0);
    }
}
