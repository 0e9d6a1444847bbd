//! `aml-miner health`: asks a running service whether it is healthy, so that a container needs neither shell nor curl.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::num::NonZeroU64;
use std::sync::mpsc;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::args::Global;
use super::serve::resolve;
use super::{Fault, Verdict};

/// Arguments of `health`.
#[derive(Debug, Args)]
pub(crate) struct Health {
    /// Address or name that the service listens on; 0.0.0.0 is asked at 127.0.0.1
    #[arg(long, value_name = "HOST", env = "API_HOST", default_value = "127.0.0.1")]
    host: String,
    /// Its port
    #[arg(long, value_name = "PORT", env = "API_PORT", default_value_t = 8000)]
    port: u16,
    /// Seconds until no answer counts as none
    #[arg(long, value_name = "SECONDS", default_value = "3")]
    timeout: NonZeroU64,
}

pub(super) fn run(command: &Health, global: &Global) -> Result<Verdict, Fault> {
    let deadline = Duration::from_secs(command.timeout.get());
    let (host, port) = (command.host.clone(), command.port);
    let (told, answer) = mpsc::channel();
    // a thread of its own, because a name server or a service that drips could each take longer than the deadline
    std::thread::spawn(move || told.send(status(&host, port, deadline)));
    let status = answer.recv_timeout(deadline).unwrap_or_else(|_| {
        Err(format!("no answer from {}:{} within {} s", command.host, command.port, command.timeout))
    });
    match status {
        Ok(status) => {
            if !global.quiet {
                println!("{status}");
            }
            Ok(if status == "healthy" { Verdict::Done } else { Verdict::Negative })
        }
        Err(reason) => {
            eprintln!("{reason}");
            Ok(Verdict::Negative)
        }
    }
}

/// The service's own word, or why there is none.
fn status(host: &str, port: u16, deadline: Duration) -> Result<String, String> {
    let addresses = resolve(host, port).map_err(|fault| fault.to_string())?;
    let address = addresses.first().map(reachable).ok_or_else(|| format!("host {host:?} has no address"))?;
    let text = ask(address, deadline).map_err(|error| format!("{address}: {error}"))?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(|| format!("{address}: no HTTP answer"))?;
    if head.split(' ').nth(1) != Some("200") {
        return Err(format!("{address}: {}", head.lines().next().unwrap_or_default()));
    }
    let body: Value = serde_json::from_str(body).map_err(|error| format!("{address}: not JSON: {error}"))?;
    body["status"].as_str().map(str::to_owned).ok_or_else(|| format!("{address}: an answer without status"))
}

fn ask(address: SocketAddr, deadline: Duration) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, deadline)?;
    stream.write_all(
        format!("GET /health HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes(),
    )?;
    let mut text = String::new();
    stream.take(MAX_ANSWER_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// Where a service that listens everywhere is found.
fn reachable(address: &SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

const MAX_ANSWER_BYTES: u64 = 64 << 10;

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// What is said of a service that answers its one caller with `answer`.
    fn of_answer(answer: &'static str) -> Result<String, String> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a caller");
            // to its end: who closes with bytes unread resets the connection, and the answer may be lost
            let mut request = vec![];
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).expect("a request");
                request.extend(byte);
            }
            assert!(request.starts_with(b"GET /health HTTP"));
            stream.write_all(answer.as_bytes()).expect("taken");
        });
        status("0.0.0.0", port, Duration::from_secs(5))
    }

    #[test]
    fn only_a_sound_answer_has_a_status() {
        let healthy = "HTTP/1.0 200 OK\r\ncontent-length: 20\r\n\r\n{\"status\":\"healthy\"}";
        assert_eq!(of_answer(healthy), Ok("healthy".to_owned()));
        assert_eq!(of_answer("HTTP/1.1 200 OK\r\n\r\n{\"status\":\"degraded\"}"), Ok("degraded".to_owned()));
        for (answer, named) in [
            ("HTTP/1.1 503 Service Unavailable\r\n\r\n{\"status\":\"healthy\"}", "503 Service Unavailable"),
            ("HTTP/1.1 200 OK\r\n\r\n<html>", "not JSON"),
            ("HTTP/1.1 200 OK\r\n\r\n{}", "without status"),
            ("HTTP/1.1 200 OK", "no HTTP answer"),
            ("", "no HTTP answer"),
        ] {
            let error = of_answer(answer).expect_err(answer);
            assert!(error.contains(named), "{answer}: {error}");
        }
    }
}
