//! What systemd is told: that the host serves, that it lives, that it stops.

use jackfield_tests::{free_port, program};
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

struct Heard(UnixDatagram);

impl Heard {
    fn next(&self) -> String {
        let mut buffer = [0; 4_096];
        let length = self
            .0
            .recv(&mut buffer)
            .expect("the host says something in time");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    fn until(&self, words: &str) -> String {
        loop {
            let said = self.next();
            if said.lines().any(|line| line == words) {
                return said;
            }
        }
    }
}

#[test]
fn systemd_is_told_that_the_host_serves_lives_and_stops() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("notify");
    let heard = Heard(UnixDatagram::bind(&path).unwrap());
    heard
        .0
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let mut child = Command::new(program())
        .args(["serve", "--max-activations", "8", "--listen"])
        .arg(format!("127.0.0.1:{}", free_port()))
        .arg("--data")
        .arg(place.path().join("data"))
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "600000")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let ready = heard.until("READY=1");
    assert!(ready.contains("STATUS=serves http://127.0.0.1:"), "{ready}");
    for _ in 0..3 {
        heard.until("WATCHDOG=1");
    }
    let asked = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status();
    assert!(asked.unwrap().success());
    let stopping = heard.until("STOPPING=1");
    assert!(stopping.contains("EXTEND_TIMEOUT_USEC="), "{stopping}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
