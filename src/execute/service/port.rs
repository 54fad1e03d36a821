//! Who listens on a port of this machine.

use crate::base::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

/// On one machine the answer comes at once; only a listener whose queue is full lets one wait.
const CONNECT: Duration = Duration::from_millis(500);

/// Whether something accepts connections on it, by IPv4 or IPv6.
pub fn is_open(port: u16) -> bool {
    let addresses = [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ];
    addresses
        .into_iter()
        .any(|address| TcpStream::connect_timeout(&SocketAddr::new(address, port), CONNECT).is_ok())
}

/// The process that listens on it, as `pid 4711 (postgres)`, where the system tells and it is one of ours. Linux only.
pub fn listener(port: u16) -> Option<String> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_text(Path::new(table)).ok())
        .flat_map(|table| listening(&table, port))
        .collect();
    if inodes.is_empty() {
        return None;
    }
    let processes = fs::list_dir(Path::new("/proc")).ok()?;
    processes.iter().find_map(|process| {
        let pid: u32 = process.name.to_str()?.parse().ok()?;
        let dir = Path::new("/proc").join(pid.to_string());
        let open = fs::list_dir(&dir.join("fd")).ok()?;
        let holds = open.iter().any(|entry| {
            let link = fs::read_link(&dir.join("fd").join(&entry.name)).unwrap_or_default();
            let link = link.to_string_lossy();
            let inode = link
                .strip_prefix("socket:[")
                .and_then(|rest| rest.strip_suffix(']'));
            inode.is_some_and(|inode| inodes.iter().any(|known| known == inode))
        });
        let name = || fs::read_text(&dir.join("comm")).unwrap_or_default();
        holds.then(|| format!("pid {pid} ({})", name().trim()))
    })
}

/// The inodes of the sockets that listen on a port, in a table such as `/proc/net/tcp` (proc_pid_net(5)): addresses and ports in
/// hexadecimal in the second column, the state in the fourth (0A: listening), the inode in the tenth.
fn listening(table: &str, port: u16) -> Vec<String> {
    let wanted = format!(":{port:04X}");
    let inode = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let is_it = columns.get(1)?.ends_with(&wanted) && *columns.get(3)? == "0A";
        let inode = columns.get(9)?;
        is_it.then(|| (*inode).to_owned())
    };
    table.lines().filter_map(inode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_listener_is_found_and_named() {
        let listener_socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener_socket.local_addr().unwrap().port();
        assert!(is_open(port));
        if cfg!(target_os = "linux") {
            let found = listener(port).unwrap();
            assert!(
                found.starts_with(&format!("pid {} (", std::process::id())),
                "{found}"
            );
        }
        drop(listener_socket);
        assert!(!is_open(port));
        assert_eq!(listener(port), None);
    }

    #[test]
    fn a_listener_by_ipv6_alone_is_seen() {
        let Ok(socket) = TcpListener::bind("[::1]:0") else {
            println!("skipped: no IPv6");
            return;
        };
        assert!(is_open(socket.local_addr().unwrap().port()));
    }

    #[test]
    fn tables_are_read_by_their_columns() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
                        0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 x\n\
                        1: 0100007F:1F90 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 x\n\
                        2: short\n";
        assert_eq!(listening(table, 8080), ["4711"]);
        assert_eq!(listening(table, 8081), [""; 0]);
    }
}
