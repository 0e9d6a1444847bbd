//! What goes wrong around a server: full disks, garbage in the place of models, clocks, clients. Each ends in a clear refusal, and the
//! server goes on.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use aml_miner::server::{
    Audit, AuditSettings, Clock, Event, RequestStore, Settings, State, routes, verify_log,
};
use warp::Filter as _;

use super::{Server, batch, bundle, get, post, program, raw_post, rows, with_alerts};

const LIVE: &[u8] = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

fn lives(server: &Server) {
    let (head, _) = server.exchange(LIVE);
    assert!(head.starts_with("http/1.1 200"), "{head}");
}

/// A request of one alert.
fn one() -> Vec<u8> {
    let mut request = with_alerts(rows(&batch()["alerts"])[..1].to_vec());
    for list in ["features", "clusters", "money_flows"] {
        request[list] = rows(&request[list])[..1].into();
    }
    raw_post("/score/alerts?explain=false", request.to_string().as_bytes())
}

#[test]
fn what_is_no_http_is_refused_and_the_next_is_served() {
    let server = Server::start(&["--client-timeout", "2"]);
    let long = [b"GET /".as_slice(), &[b'a'; 200_000], b" HTTP/1.1\r\n\r\n"].concat();
    let many: String = (0..300).map(|i| format!("x-{i}: y\r\n")).collect();
    let many = format!("GET /livez HTTP/1.1\r\nHost: x\r\n{many}\r\n");
    let chunked = "POST /score/alerts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", vec![]),
        ("zeros", vec![0; 100]),
        ("a TLS hello", vec![0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3]),
        ("no version", b"GET /livez\r\n\r\n".to_vec()),
        ("another protocol", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        ("a header without a colon", b"GET /livez HTTP/1.1\r\nHost x\r\n\r\n".to_vec()),
        ("a header's line broken", b"GET /livez HTTP/1.1\r\nHost: x\r\n y\r\n\r\n".to_vec()),
        ("a zero within a header", b"GET /livez HTTP/1.1\r\nHost: a\0b\r\n\r\n".to_vec()),
        ("two lengths", b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".to_vec()),
        (
            "a negative length",
            b"POST /score/alerts HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n".to_vec(),
        ),
        (
            "a length beyond all",
            b"POST /score/alerts HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n".to_vec(),
        ),
        ("a chunk of no length", format!("{chunked}zz\r\n").into_bytes()),
        ("a chunk of all memory", format!("{chunked}ffffffffffffffff\r\n").into_bytes()),
        ("half a head", b"GET /livez HTTP/1.1\r\nHo".to_vec()),
        ("half a body", one()[..400].to_vec()),
        ("a path without end", long),
        ("headers without end", many.into_bytes()),
    ];
    for (what, bytes) in cases {
        let mut stream = server.connect();
        // who is refused early may not be able to send the rest
        let _refused = stream.write_all(&bytes).and_then(|()| stream.shutdown(Shutdown::Write));
        let mut answer = vec![];
        let _reset = stream.read_to_end(&mut answer);
        let head = String::from_utf8_lossy(&answer[..answer.len().min(12)]).into_owned();
        assert!(answer.is_empty() || head.starts_with("HTTP/1.1 4"), "{what}: {head}");
    }
    lives(&server);
}

#[test]
fn hundreds_of_idle_connections_delay_nobody() {
    let server = Server::start(&[]);
    let mut idle = vec![];
    for i in 0..400 {
        let mut stream = server.connect();
        if i % 2 == 0 {
            stream.write_all(b"POST /score/alerts HTTP/1.1\r\nHost: x\r\nContent-Le").expect("sends");
        }
        idle.push(stream);
    }
    for _ in 0..5 {
        let mut stream = server.connect();
        // generous: the machine is shared, and the program not built for speed
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        stream.write_all(&one()).expect("sends");
        let (head, _) = super::finish(&mut stream);
        assert!(head.starts_with("http/1.1 200"), "{head}");
    }
    // those that waited are served when they speak
    let mut patient = idle.swap_remove(1);
    patient.write_all(LIVE).expect("sends");
    assert!(super::finish(&mut patient).0.starts_with("http/1.1 200"));
}

#[test]
fn a_client_that_stops_reading_is_left_and_delays_nobody() {
    let server = Server::start(&["--client-timeout", "3"]);
    let body = batch().to_string();
    let head = format!(
        "POST /score/alerts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let request = [head.as_bytes(), body.as_bytes()].concat();
    let (_, answer) = server.exchange(&raw_post("/score/alerts", body.as_bytes()));
    // more than the system takes in for a client that does not read
    let asked = (64 << 20) / answer.len() + 1;
    let mut stuck = server.connect();
    let mut sends = stuck.try_clone().expect("a second handle");
    let sending =
        std::thread::spawn(move || (0..asked).take_while(|_| sends.write_all(&request).is_ok()).count());
    std::thread::sleep(Duration::from_millis(300));
    lives(&server);
    sending.join().expect("sends until it is left");
    let mut read = vec![];
    let _reset = stuck.read_to_end(&mut read);
    assert!(read.len() < asked * answer.len() / 2, "{} of {}", read.len(), asked * answer.len());
    lives(&server);
}

/// Files of the shipped bundle in a folder of their own.
fn models() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("models")).expect("readable") {
        let path = entry.expect("readable").path();
        if path.is_file() {
            fs::copy(&path, folder.path().join(path.file_name().expect("a name"))).expect("copied");
        }
    }
    folder
}

#[test]
#[cfg(unix)]
fn garbage_in_the_place_of_a_model_changes_nothing_while_it_is_loaded_again() {
    let folder = models();
    let server = Server::start(&["--models", folder.path().to_str().expect("UTF-8")]);
    let digest = |server: &Server| {
        let (head, _) = server.exchange(&one());
        assert!(head.starts_with("http/1.1 200"), "{head}");
        head.lines().find(|line| line.starts_with("x-model-digest")).expect("a digest").to_owned()
    };
    let before = digest(&server);
    let files = |extension: &str| {
        let entries =
            fs::read_dir(folder.path()).expect("readable").map(|entry| entry.expect("readable").path());
        entries.filter(|path| path.extension().is_some_and(|e| e == extension)).collect::<Vec<_>>()
    };
    let hang_up = || {
        let pid = server.child.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().expect("kill runs").success());
        std::thread::sleep(Duration::from_millis(300));
    };
    for path in files("model").iter().chain(&files("json")) {
        let sound = fs::read(path).expect("readable");
        for garbage in [&b"garbage"[..], b"", &sound[..sound.len() / 2]] {
            fs::write(path, garbage).expect("written");
            hang_up();
            assert_eq!(digest(&server), before, "{}", path.display());
        }
        fs::write(path, sound).expect("written");
    }
    hang_up();
    assert_eq!(digest(&server), before);
}

/// Each look finds it a day earlier than the one before.
struct Backwards(AtomicI64);

impl Clock for Backwards {
    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.fetch_sub(1, Ordering::Relaxed).unsigned_abs())
    }

    fn unix_ms(&self) -> i64 {
        self.0.fetch_sub(1, Ordering::Relaxed) * 86_400_000
    }
}

#[tokio::test]
async fn a_clock_that_goes_backwards_changes_no_answer_and_no_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let (log, kept) = (folder.path().join("log"), folder.path().join("kept"));
    let settings = Settings { rate_limit: std::num::NonZeroU32::new(100), ..Settings::default() };
    let clock = Box::new(Backwards(AtomicI64::new(20_000)));
    let state = State::new(settings, clock, [7; 32], Some(bundle())).expect("sets up");
    let sign = Box::new(|_: &[u8]| "signed".to_owned());
    let settings = AuditSettings { checkpoint_records: 3, ..AuditSettings::new(&log) };
    state
        .set_audit(Audit::open(settings, sign, 0, Duration::from_secs(20_000)).expect("opens"))
        .expect("a thread");
    state.set_requests(RequestStore::open(&kept, None).expect("opens"));
    let service = routes(Arc::new(state)).map(warp::Reply::into_response).boxed();
    let request = with_alerts(rows(&batch()["alerts"])[..3].to_vec());
    let mut digests = vec![];
    for _ in 0..10 {
        let reply = post(&service, "/score/alerts", &request).await;
        assert_eq!(reply.status(), 200);
        digests.push(super::header(&reply, "x-score-digest").to_owned());
    }
    digests.dedup();
    assert_eq!((digests.len(), get(&service, "/metrics").await.status().as_u16()), (1, 200));
    let mut answers = 0;
    let found = verify_log(&log, &|_, signature| signature == "signed", |record| {
        answers += u32::from(matches!(record.event, Event::Answer(_)));
    });
    let found = found.expect("readable");
    assert!(found.faults.is_empty() && found.checkpoints > 0 && answers == 10, "{found:?}");
}

/// The program, with files that may not grow beyond so many blocks of 512 bytes: to a writer, a full disk.
#[cfg(unix)]
fn on_a_full_disk(blocks: u32) -> Command {
    let mut command = Command::new("sh");
    // without the trap, the system ends who writes beyond the limit
    command.args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"")]);
    command.arg(program().get_program()).current_dir(std::env::temp_dir()).env_remove("LOG_LEVEL");
    command
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_under_the_audit_log_stops_answers_and_keeps_the_log_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (log, key) = (path("log"), path("key"));
    assert!(program().args(["keygen", "--output", &key]).output().expect("runs").status.success());
    let server = Server::start_by(on_a_full_disk(32), &["--audit", &log, "--audit-key", &key]);
    let status = || server.exchange(&one()).0[9..12].to_owned();
    let answered = (0..200).take_while(|_| status() == "200").count();
    assert!((5..100).contains(&answered), "{answered}");
    let (head, body) = server.exchange(&one());
    assert!(head.starts_with("http/1.1 503") && head.contains("retry-after"), "{head}");
    assert!(String::from_utf8_lossy(&body).contains("audit log cannot be written"));
    lives(&server);
    let check =
        program().args(["audit", "verify", &log, "--key", &format!("{key}.pub"), "--running"]).output();
    let check = check.expect("runs");
    assert_eq!(check.status.code(), Some(0), "{}", String::from_utf8_lossy(&check.stdout));
    let lines = fs::read_to_string(Path::new(&log).join("audit-000001.jsonl")).expect("readable");
    assert_eq!(
        lines.matches("\"event\":\"answer\"").count(),
        answered,
        "each answer has its record, and no other is there"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_under_the_kept_requests_stops_answers() {
    let folder = tempfile::tempdir().expect("a folder");
    let server =
        Server::start_by(on_a_full_disk(1), &["--keep-requests", folder.path().to_str().expect("UTF-8")]);
    for _ in 0..3 {
        assert!(
            server
                .exchange(&raw_post("/rank/alerts", batch().to_string().as_bytes()))
                .0
                .starts_with("http/1.1 503")
        );
    }
    lives(&server);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_under_the_result_store_leaves_no_day_and_the_next_run_stores_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let store = |mut command: Command| {
        command
            .args(["score", "--quiet", "--models"])
            .arg(root.join("models"))
            .arg(root.join("fixtures/demo"));
        command.arg("--store").arg(folder.path()).output().expect("the program runs")
    };
    let refused = store(on_a_full_disk(64));
    assert_eq!(refused.status.code(), Some(3), "{}", String::from_utf8_lossy(&refused.stderr));
    let server = Server::start(&["--results", folder.path().to_str().expect("UTF-8")]);
    let latest = b"GET /scores/alerts/latest HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert!(server.exchange(latest).0.starts_with("http/1.1 404"), "nothing half-written is shown");
    let stored = store(program());
    assert!(stored.status.success(), "{}", String::from_utf8_lossy(&stored.stderr));
    assert!(server.exchange(latest).0.starts_with("http/1.1 200"));
}
