//! Source addresses. Linux lets a client bind to any address of 127.0.0.0/8, and the server counts attempts per
//! source, so a test that brings its own address is not disturbed by the attempts of others.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

/// How long one read or write may take before the test fails.
pub const SOCKET_TIMEOUT: Duration = Duration::from_secs(60);

/// A loopback address that nobody else in this process has: 127.1.0.1 and upwards.
pub fn fresh() -> Ipv4Addr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let [_, high, middle, low] = (0x0001_0000 + (number / 254) * 0x100 + number % 254 + 1).to_be_bytes();
    Ipv4Addr::new(127, high, middle, low)
}

/// Connects to `to` from `source`.
pub fn connect(source: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    // Port 0 here means "choose at connect": thousands of connections from one address stay possible.
    socket.bind(&SocketAddr::from((source, 0)).into())?;
    socket.connect_timeout(&to.into(), SOCKET_TIMEOUT)?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(SOCKET_TIMEOUT))?;
    stream.set_write_timeout(Some(SOCKET_TIMEOUT))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
