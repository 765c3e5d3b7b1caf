//! A load generator that costs little: requests are written as they stand, and only what is needed of an answer is read.

use std::future::Future;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request, whole.
pub struct Request(Vec<u8>);

impl Request {
    pub fn get(path: &str) -> Self {
        Self::build("GET", path, "", "")
    }

    pub fn post(path: &str, body: &str) -> Self {
        Self::build("POST", path, "", body)
    }

    pub fn bearer(method: &str, path: &str, token: &str, body: &str) -> Self {
        Self::build(method, path, &format!("Authorization: Bearer {token}\r\n"), body)
    }

    fn build(method: &str, path: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        let text = format!(
            "{method} {path} HTTP/1.1\r\nHost: bench\r\n{headers}Content-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        Request(text.into_bytes())
    }
}

/// One connection, kept open.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub async fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Client { stream, buffer: Vec::with_capacity(16 * 1024) }
    }

    /// Status and body.
    pub async fn send(&mut self, request: &Request) -> (u16, String) {
        self.stream.write_all(&request.0).await.unwrap();
        self.buffer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.buffer).await.unwrap();
            assert!(read > 0, "the server has closed the connection");
            if let Some((status, body)) = whole(&self.buffer) {
                return (status, String::from_utf8_lossy(body).into_owned());
            }
        }
    }
}

fn whole(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let status = head[9..12].parse().unwrap();
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let body = bytes.get(end..end + length.unwrap_or(0))?;
    Some((status, body))
}

/// Runs all of them at the same time, on this thread.
pub async fn parallel<T: 'static>(futures: impl Iterator<Item = impl Future<Output = T> + 'static>) -> Vec<T> {
    let local = tokio::task::LocalSet::new();
    let running: Vec<_> = futures.map(|future| local.spawn_local(future)).collect();
    local
        .run_until(async {
            let mut done = Vec::new();
            for one in running {
                done.push(one.await.unwrap());
            }
            done
        })
        .await
}

pub fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
