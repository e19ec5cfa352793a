//! The three system calls that the standard library does not give: each with the proof that its use is sound.

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd};

/// Datagrams taken with one system call.
pub(crate) const BATCH: usize = 8;
/// Longest datagram kept whole; an Ethernet frame holds less.
const DATAGRAM_BYTES: usize = 2048;
/// Room for the kernel's time stamp, aligned as control messages must be.
type Control = [u64; 8];

/// Nanoseconds on the clock that never jumps.
pub(crate) fn monotonic_ns() -> u64 {
    // SAFETY: `timespec` is plain data; zero is a valid value.
    let mut time: libc::timespec = unsafe { zeroed() };
    // SAFETY: the pointer is to a live, writable timespec; this clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Sleep until a moment of that clock; returns at once when it is past.
pub(crate) fn sleep_until(moment_ns: u64) {
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

/// Ask the kernel to stamp each datagram with its time of arrival.
pub(crate) fn stamp_arrivals(socket: BorrowedFd<'_>) -> io::Result<()> {
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

/// One datagram of a batch.
pub(crate) struct Received<'a> {
    /// Its bytes.
    pub(crate) bytes: &'a mut [u8],
    /// Where it came from.
    pub(crate) from: SocketAddr,
    /// When it came, in ticks of 1/8000 s of the wall clock, modulo 2^32.
    pub(crate) arrival: u32,
}

/// Buffers for receiving several datagrams at once; one per pacing thread.
pub struct Batch {
    buffers: Box<[[u8; DATAGRAM_BYTES]; BATCH]>,
    meta: [Option<(SocketAddr, usize, u32)>; BATCH],
}

impl Default for Batch {
    fn default() -> Self {
        Batch { buffers: Box::new([[0; DATAGRAM_BYTES]; BATCH]), meta: [None; BATCH] }
    }
}

impl Batch {
    /// Take up to [`BATCH`] waiting datagrams without blocking; returns how many.
    pub(crate) fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        // SAFETY: socket addresses, control buffers and headers are plain data; zero is a valid value for each.
        let mut names: [libc::sockaddr_storage; BATCH] = unsafe { zeroed() };
        let mut controls: [Control; BATCH] = [[0; 8]; BATCH];
        // SAFETY: as above; null pointers with zero lengths are what an empty header holds.
        let mut vectors: [libc::iovec; BATCH] = unsafe { zeroed() };
        // SAFETY: as above.
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { zeroed() };
        for index in 0..BATCH {
            vectors[index].iov_base = self.buffers[index].as_mut_ptr().cast();
            vectors[index].iov_len = DATAGRAM_BYTES;
            let header = &mut headers[index].msg_hdr;
            header.msg_name = (&raw mut names[index]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_iov = &raw mut vectors[index];
            header.msg_iovlen = 1;
            header.msg_control = (&raw mut controls[index]).cast();
            header.msg_controllen = size_of::<Control>() as _;
        }
        // SAFETY: the headers point to buffers of the lengths they tell, all alive and not otherwise borrowed until the
        // call returns; the count is the array's; no timeout is given.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        if count < 0 {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::WouldBlock { Ok(0) } else { Err(error) };
        }
        let count = (count as usize).min(BATCH);
        for index in 0..count {
            let length = (headers[index].msg_len as usize).min(DATAGRAM_BYTES);
            let arrival = arrival(&headers[index].msg_hdr);
            self.meta[index] = address(&names[index]).map(|from| (from, length, arrival));
        }
        Ok(count)
    }

    /// A datagram of the last batch; `None` when its source makes no sense.
    pub(crate) fn datagram(&mut self, index: usize) -> Option<Received<'_>> {
        let (from, length, arrival) = (*self.meta.get(index)?)?;
        Some(Received { bytes: &mut self.buffers[index][..length], from, arrival })
    }
}

/// Read the kernel's time stamp out of a received header; 0 when there is none.
fn arrival(header: &libc::msghdr) -> u32 {
    // SAFETY: the header was filled by the kernel; its control pointer and length describe a live, aligned buffer.
    let mut message = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !message.is_null() {
        // SAFETY: CMSG_FIRSTHDR and CMSG_NXTHDR give null or a whole cmsghdr inside the buffer.
        let known = unsafe { &*message };
        if known.cmsg_level == libc::SOL_SOCKET && known.cmsg_type == libc::SCM_TIMESTAMPNS {
            // SAFETY: a message of this type carries one timespec; reading it unaligned needs no more than its bytes.
            let time: libc::timespec = unsafe { std::ptr::read_unaligned(libc::CMSG_DATA(message).cast()) };
            return (time.tv_sec as u64).wrapping_mul(8000).wrapping_add(time.tv_nsec as u64 / 125_000) as u32;
        }
        // SAFETY: both pointers belong to the same header, unchanged since the kernel filled it.
        message = unsafe { libc::CMSG_NXTHDR(header, message) };
    }
    0
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

    #[test]
    fn a_batch_brings_bytes_source_and_time() {
        for ip in ["127.0.0.1", "::1"] {
            let Ok(ours) = UdpSocket::bind((ip, 0)) else { continue };
            ours.set_nonblocking(true).unwrap();
            stamp_arrivals(ours.as_fd()).unwrap();
            let mut batch = Batch::default();
            assert_eq!(batch.receive(ours.as_fd()).unwrap(), 0);
            let peer = UdpSocket::bind((ip, 0)).unwrap();
            for length in 1..=11 {
                peer.send_to(&vec![length; usize::from(length)], ours.local_addr().unwrap()).unwrap();
            }
            assert_eq!(batch.receive(ours.as_fd()).unwrap(), BATCH);
            let last = batch.datagram(7).unwrap();
            assert_eq!((last.bytes.to_vec(), last.from), (vec![8; 8], peer.local_addr().unwrap()));
            assert_ne!(last.arrival, 0);
            assert_eq!(batch.receive(ours.as_fd()).unwrap(), 3);
        }
    }

    #[test]
    fn sleeping_ends_at_the_moment_asked_for() {
        let moment = monotonic_ns() + 3_000_000;
        sleep_until(moment);
        assert!(monotonic_ns() >= moment);
        sleep_until(0);
    }
}
