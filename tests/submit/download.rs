//! Batches from a server that is slow, breaks off, lies, refuses, and sends what nobody asked for.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use aml_miner::aml::derive;
use aml_miner::aml::simulate::{Simulation, simulate};
use aml_miner::aml::sot::{Batch, BatchId, TableKind, discover, write_batch};
use aml_miner::determinism::digest::Md5;
use aml_miner::pipeline::fetch::{
    Client, DownloadError, Downloader, HttpError, Limits, Outcome, Pause, Progress, Retry, Source, Told,
    Trust, TrustError,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{Fault, Server};

/// Pauses that were asked for; none is made.
#[derive(Default)]
struct Pauses(RefCell<Vec<Duration>>);

impl Pause for Pauses {
    fn pause(&self, time: Duration) {
        self.0.borrow_mut().push(time);
    }
}

struct Silence;

impl Progress for Silence {
    fn begins(&self, _: &str, _: u64, _: Option<u64>) {}
    fn more(&self, _: u64) {}
    fn again(&self, _: &Told, _: Duration) {}
}

fn id() -> BatchId {
    BatchId {
        network: "torus".to_owned(),
        processing_date: "2025-11-03".parse().expect("a date"),
        window_days: 7,
    }
}

const FOLDER: &str = "/snapshots/torus/2025-11-03/7";
const FILE: &str = "/snapshots/torus/2025-11-03/7/transfers.parquet";
const META: &str = "/snapshots/torus/2025-11-03/7/META.json";

/// A published batch by the paths of its server.
fn published() -> BTreeMap<String, Vec<u8>> {
    static FILES: OnceLock<BTreeMap<String, Vec<u8>>> = OnceLock::new();
    let files = FILES.get_or_init(|| {
        let simulation = Simulation { window_days: 7, addresses: 60, patterns: 2, ..Simulation::default() };
        let batch = derive::complete(simulate(&simulation).expect("settings").next().expect("a day"));
        let folder = tempfile::tempdir().expect("a folder");
        let tables =
            [TableKind::Transfers, TableKind::Assets, TableKind::AssetPrices, TableKind::AddressLabels];
        write_batch(folder.path(), &batch, &[&tables[..], &[TableKind::MoneyFlows]].concat())
            .expect("written");
        let entries =
            fs::read_dir(folder.path()).expect("readable").map(|entry| entry.expect("readable").path());
        entries
            .map(|path| {
                let name = path.file_name().expect("a file").to_string_lossy().into_owned();
                (format!("{FOLDER}/{name}"), fs::read(&path).expect("readable"))
            })
            .collect()
    });
    files.clone()
}

/// A server with one batch, and a folder to bring it to.
struct Scene {
    server: Server,
    output: TempDir,
    pauses: Pauses,
    retry: Retry,
    limits: Limits,
    trust: Trust,
}

impl Scene {
    fn new() -> Scene {
        Scene::of(Server::new(published()))
    }

    /// A server with a certificate for `name`, and a client that trusts who signed it.
    fn tls(name: &str) -> Scene {
        let (server, authority) = Server::tls(published(), name);
        let scene = Scene::of(server);
        let file = scene.output.path().with_extension("pem");
        fs::write(&file, authority).expect("written");
        let trust = Trust::of_file(&file).expect("an authority");
        fs::remove_file(&file).expect("there");
        Scene { trust, ..scene }
    }

    fn of(server: Server) -> Scene {
        let limits = Limits {
            connect: Duration::from_secs(5),
            read: Duration::from_millis(400),
            whole: Duration::from_secs(20),
            bytes: 4 << 20,
        };
        Scene {
            server,
            output: tempfile::tempdir().expect("a folder"),
            pauses: Pauses::default(),
            retry: Retry { tries: 4, ..Retry::default() },
            limits,
            trust: Trust::public(),
        }
    }

    fn fetch(&self) -> Result<Outcome, DownloadError> {
        self.fetch_from(Source::objects(&self.server.url))
    }

    fn fetch_from(&self, source: Source) -> Result<Outcome, DownloadError> {
        self.downloader(source).batch(&id(), self.output.path())
    }

    fn downloader(&self, source: Source) -> Downloader<'_> {
        let client = Client::new(&self.server.url, self.limits, &self.trust);
        Downloader::new(source, client, self.retry, &self.pauses, &Silence)
    }

    fn pauses(&self) -> Vec<Duration> {
        self.pauses.0.borrow().clone()
    }

    fn target(&self) -> std::path::PathBuf {
        self.output.path().join(&FOLDER[1..])
    }

    /// The batch is here, byte by byte, and nothing else is.
    #[track_caller]
    fn assert_whole(&self) {
        for (path, bytes) in published() {
            assert_eq!(fs::read(self.output.path().join(&path[1..])).expect("fetched"), bytes, "{path}");
        }
        assert_eq!(names(&self.target()).len(), published().len());
        assert_eq!(names(self.target().parent().expect("a date")), ["7"]);
        assert_eq!(Batch::open(&self.target()).expect("it opens").id, id());
    }

    /// No reader finds anything.
    #[track_caller]
    fn assert_absent(&self) {
        assert!(!self.target().exists());
        assert_eq!(discover(self.output.path()), Ok(vec![]));
    }

    /// Rewrites META.json.
    fn edit_meta(&self, edit: impl Fn(&mut Value)) {
        let mut meta: Value = serde_json::from_slice(&published()[META]).expect("JSON");
        edit(&mut meta);
        self.server.put(META, meta.to_string().into_bytes());
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_batch_comes_whole_and_is_not_fetched_twice() {
    let scene = Scene::new();
    let bytes: usize =
        published().iter().filter(|(path, _)| *path != META).map(|(_, bytes)| bytes.len()).sum();
    assert_eq!(scene.fetch(), Ok(Outcome::Fetched { files: 5, bytes: bytes as u64 }));
    scene.assert_whole();
    let asked = scene.server.asked();
    assert_eq!(asked.len(), 6);
    assert_eq!(asked[0].path, META);
    assert!(asked.iter().all(|a| a.headers["user-agent"].starts_with("aml-miner/")), "a polite user agent");
    assert_eq!(scene.fetch(), Ok(Outcome::Present));
    assert_eq!(scene.server.asked().len(), 0);
    assert!(scene.pauses().is_empty());
}

#[test]
fn a_day_that_is_not_published_leaves_nothing() {
    let scene = Scene::new();
    scene.server.remove(META);
    assert_eq!(scene.fetch(), Ok(Outcome::NotPublished));
    assert_eq!(names(scene.output.path()), [""; 0]);
}

#[test]
fn a_file_that_is_listed_but_absent_is_an_error() {
    let scene = Scene::new();
    scene.server.remove(FILE);
    let error = scene.fetch().expect_err("a table is missing").to_string();
    assert!(
        error.ends_with("transfers.parquet: status 404: not there (--base-url, --network, --window-days)"),
        "{error}"
    );
    scene.assert_absent();
}

#[test]
fn what_broke_off_is_taken_up_where_it_ended() {
    let scene = Scene::new();
    let length = published()[FILE].len();
    scene.server.fail(FILE, [Fault::Truncated(1000), Fault::Truncated(500)]);
    let Ok(Outcome::Fetched { bytes, .. }) = scene.fetch() else { panic!("fetched") };
    scene.assert_whole();
    let asked = scene.server.asked();
    let ranges: Vec<Option<&String>> =
        asked.iter().filter(|a| a.path == FILE).map(|a| a.headers.get("range")).collect();
    assert_eq!(ranges, [None, Some(&"bytes=1000-".to_owned()), Some(&"bytes=1500-".to_owned())]);
    let all: usize = published().iter().filter(|(path, _)| *path != META).map(|(_, bytes)| bytes.len()).sum();
    assert_eq!(bytes, all as u64, "no byte came twice of {length}");
    assert_eq!(scene.pauses().len(), 2);
    assert!(scene.pauses()[1] > Duration::from_millis(500), "{:?}", scene.pauses());
}

#[test]
fn a_run_that_ended_is_taken_up_by_the_next() {
    let mut scene = Scene::new();
    scene.retry.tries = 1;
    scene.server.fail(FILE, [Fault::Truncated(1000)]);
    assert!(matches!(scene.fetch(), Err(DownloadError::Http(HttpError::Broken { .. }))));
    scene.assert_absent();
    scene.server.asked();
    assert!(matches!(scene.fetch(), Ok(Outcome::Fetched { .. })));
    scene.assert_whole();
    let asked = scene.server.asked();
    let again: Vec<&str> = asked.iter().map(|a| a.path.rsplit('/').next().expect("a name")).collect();
    assert_eq!(again.iter().filter(|name| **name == "transfers.parquet").count(), 1);
    let range = asked.iter().find(|a| a.path == FILE).and_then(|a| a.headers.get("range"));
    assert_eq!(range, Some(&"bytes=1000-".to_owned()));
}

#[test]
fn parts_of_an_older_publication_are_thrown_away() {
    let mut scene = Scene::new();
    scene.retry.tries = 1;
    scene.server.fail(FILE, [Fault::Truncated(1000)]);
    assert!(scene.fetch().is_err());
    scene.edit_meta(|meta| meta["generated_at"] = json!("2025-11-04T00:00:00Z"));
    scene.server.asked();
    assert!(matches!(scene.fetch(), Ok(Outcome::Fetched { .. })));
    assert!(scene.server.asked().iter().all(|a| !a.headers.contains_key("range")));
}

#[test]
fn a_server_without_ranges_sends_all_of_it_again() {
    for fault in [Fault::RangeIgnored, Fault::RangeWrong, Fault::Status(416, None)] {
        let scene = Scene::new();
        scene.server.fail(FILE, [Fault::Truncated(1000), fault]);
        assert!(matches!(scene.fetch(), Ok(Outcome::Fetched { .. })));
        scene.assert_whole();
    }
}

#[test]
fn a_wrong_file_is_fetched_anew_once() {
    let scene = Scene::new();
    scene.server.fail(FILE, [Fault::Wrong]);
    assert!(matches!(scene.fetch(), Ok(Outcome::Fetched { .. })));
    scene.assert_whole();

    let scene = Scene::new();
    scene.server.fail(FILE, [Fault::Wrong, Fault::Wrong]);
    let error = scene.fetch().expect_err("wrong twice").to_string();
    assert!(error.ends_with("not the file that META.json describes, even when fetched anew"), "{error}");
    scene.assert_absent();
    assert!(
        matches!(scene.fetch(), Ok(Outcome::Fetched { .. })),
        "and a later run begins with what was sound"
    );
    scene.assert_whole();
}

#[test]
fn a_busy_server_is_left_alone_as_long_as_it_asks() {
    let scene = Scene::new();
    scene.server.fail(FILE, [Fault::Status(429, Some(7)), Fault::Status(503, None), Fault::Silent]);
    assert!(matches!(scene.fetch(), Ok(Outcome::Fetched { .. })));
    scene.assert_whole();
    let pauses = scene.pauses();
    assert_eq!(pauses.len(), 3);
    assert_eq!(pauses[0], Duration::from_secs(7));
    assert!(pauses[1] >= Duration::from_millis(500) && pauses[1] < Duration::from_millis(1500), "{pauses:?}");
    assert!(
        pauses[2] >= Duration::from_millis(1000) && pauses[2] < Duration::from_millis(3000),
        "{pauses:?}"
    );

    let scene = Scene::new();
    scene.server.fail(FILE, [Fault::Status(429, Some(3600))]);
    assert!(matches!(scene.fetch(), Err(DownloadError::Status { status: 429, .. })), "an hour is too long");
    assert!(scene.pauses().is_empty());
}

#[test]
fn a_broken_server_is_given_up_on() {
    let scene = Scene::new();
    scene.server.fail(META, vec![Fault::Status(500, None); 9]);
    let error = scene.fetch().expect_err("never well").to_string();
    assert!(error.contains("status 500: the server is in trouble"), "{error}");
    assert_eq!(scene.pauses().len(), 3);
    scene.assert_absent();
}

#[test]
fn a_slow_server_is_asked_again() {
    let scene = Scene::new();
    scene.server.fail(FILE, [Fault::Slow]);
    assert!(matches!(scene.fetch(), Ok(Outcome::Fetched { .. })));
    scene.assert_whole();
    let half = published()[FILE].len() / 2;
    let asked = scene.server.asked();
    let ranges: Vec<_> = asked.iter().filter_map(|a| a.headers.get("range")).collect();
    assert_eq!(ranges, [&format!("bytes={half}-")]);
}

#[test]
fn redirects_are_followed_but_not_for_ever() {
    let scene = Scene::new();
    scene.server.put("/elsewhere", published()[FILE].clone());
    scene.server.fail(FILE, [Fault::Redirect("/elsewhere".to_owned())]);
    assert!(matches!(scene.fetch(), Ok(Outcome::Fetched { .. })));
    scene.assert_whole();

    let scene = Scene::new();
    scene.server.fail(FILE, vec![Fault::Redirect(FILE.to_owned()); 20]);
    let error = scene.fetch();
    assert!(matches!(error, Err(DownloadError::Http(HttpError::Redirects { .. }))), "{error:?}");
    assert!(scene.pauses().is_empty(), "asking again would lead the same way");
}

#[test]
fn a_body_without_end_is_cut_off() {
    let scene = Scene::new();
    scene.server.fail(FILE, [Fault::Endless]);
    let error = scene.fetch();
    assert!(
        matches!(error, Err(DownloadError::Http(HttpError::TooLarge { limit: 4_194_304, .. }))),
        "{error:?}"
    );
    scene.assert_absent();
    assert!(matches!(scene.fetch(), Ok(Outcome::Fetched { .. })), "nothing of it was kept");
    scene.assert_whole();
}

#[test]
fn nobody_there_is_an_error() {
    let mut scene = Scene::new();
    scene.retry.tries = 2;
    let error = scene.fetch_from(Source::objects("http://127.0.0.1:9"));
    assert!(matches!(error, Err(DownloadError::Http(HttpError::Connect { .. }))), "{error:?}");
    assert_eq!(scene.pauses().len(), 1);
    let error = scene.fetch_from(Source::objects("nonsense"));
    assert!(matches!(error, Err(DownloadError::Http(HttpError::Url { .. }))), "{error:?}");
}

#[test]
fn meta_of_another_batch_is_refused() {
    let scene = Scene::new();
    scene.edit_meta(|meta| meta["window_days"] = json!(30));
    let error = scene.fetch().expect_err("another").to_string();
    assert_eq!(error, "torus-2025-11-03-7d: the server sent META.json of torus-2025-11-03-30d");
    scene.server.put(META, b"[]".to_vec());
    assert!(matches!(scene.fetch(), Err(DownloadError::Batch { .. })));
    scene.server.put(META, b"{\"sha256\": {\"../../escape\": \"00\"}}".to_vec());
    assert!(matches!(scene.fetch(), Err(DownloadError::Batch { .. })));
    scene.assert_absent();
}

#[test]
fn counts_that_do_not_hold_are_an_error() {
    let scene = Scene::new();
    scene.edit_meta(|meta| meta["counts"]["transfers"] = json!(7));
    let error = scene.fetch().expect_err("a wrong count").to_string();
    assert!(error.contains("transfers.parquet") && error.contains("7"), "{error}");
    scene.assert_absent();
}

#[test]
fn all_dialects_of_checksums_are_verified() {
    let files: Vec<(String, Vec<u8>)> = published()
        .into_iter()
        .filter(|(path, _)| path != META)
        .map(|(path, bytes)| (path.rsplit('/').next().expect("a name").to_owned(), bytes))
        .collect();
    let md5: serde_json::Map<String, Value> = files
        .iter()
        .map(|(name, bytes)| (name.clone(), json!({"md5": Md5::of(bytes).to_string()})))
        .collect();
    let hex = |bytes: &[u8]| aml_miner::determinism::digest::Digest::of(bytes).to_string();
    let list: Vec<Value> =
        files.iter().map(|(name, bytes)| json!({"filename": name, "checksum": hex(bytes)})).collect();
    for dialect in [Value::Object(md5), Value::Array(list)] {
        let scene = Scene::new();
        scene.edit_meta(|meta| {
            let object = meta.as_object_mut().expect("an object");
            object.remove("sha256");
            object.remove("counts");
            object.insert("files".to_owned(), dialect.clone());
        });
        scene.server.fail(FILE, [Fault::Wrong, Fault::Wrong]);
        assert!(matches!(scene.fetch(), Err(DownloadError::Hash { .. })));
        assert!(matches!(scene.fetch(), Ok(Outcome::Fetched { files: 5, .. })));
    }
}

#[test]
fn a_folder_that_is_no_whole_batch_is_not_touched() {
    let scene = Scene::new();
    fs::create_dir_all(scene.target()).expect("a folder");
    fs::write(scene.target().join("transfers.parquet"), b"mine").expect("written");
    assert!(matches!(scene.fetch(), Err(DownloadError::InTheWay { .. })));
    assert_eq!(fs::read(scene.target().join("transfers.parquet")).expect("still there"), b"mine");
}

#[test]
fn labels_come_from_their_own_place() {
    let scene = Scene::new();
    let labels = published()[&format!("{FOLDER}/address_labels.parquet")].clone();
    scene.server.remove(&format!("{FOLDER}/address_labels.parquet"));
    assert!(matches!(scene.fetch(), Ok(Outcome::Fetched { files: 4, .. })));
    let downloader = || scene.downloader(Source::objects(&scene.server.url));
    assert_eq!(downloader().labels("torus", scene.output.path()), Ok(Outcome::NotPublished));
    assert_eq!(names(scene.output.path()), ["snapshots"]);
    scene.server.put("/address-labels/torus_address_labels.parquet", labels);
    assert!(matches!(downloader().labels("torus", scene.output.path()), Ok(Outcome::Fetched { .. })));
    assert!(Batch::open(&scene.target()).expect("it opens").labels.is_some_and(|labels| !labels.is_empty()));
}

#[test]
fn an_export_wants_its_key() {
    let tables = [
        ("transfers", "transfers"),
        ("money-flows", "money_flows"),
        ("prices", "asset_prices"),
        ("assets", "assets"),
    ];
    let mut scene = Scene::new();
    scene.server = Server::new(
        tables
            .iter()
            .map(|(path, file)| {
                (format!("/api/v1/export/{path}"), published()[&format!("{FOLDER}/{file}.parquet")].clone())
            })
            .collect(),
    );
    scene.server.lock_with("secret");
    let error = scene.fetch_from(Source::export(&scene.server.url, None)).expect_err("no key").to_string();
    assert!(error.ends_with("status 401: the server does not accept the key (--api-key)"), "{error}");
    scene.server.asked();
    scene.server.fail("/api/v1/export/prices", [Fault::Truncated(50)]);
    let source = Source::export(&format!("{}/", scene.server.url), Some("secret"));
    assert!(matches!(scene.fetch_from(source), Ok(Outcome::Fetched { files: 4, .. })));
    let asked = scene.server.asked();
    assert_eq!(asked[0].path, "/api/v1/export/transfers?start_date=2025-10-27&end_date=2025-11-03");
    assert_eq!(asked[0].headers["accept"], "application/x-parquet");
    let batch = Batch::open(&scene.target()).expect("it opens");
    assert_eq!(batch.id, id());
    assert!(batch.transfers.is_some() && batch.asset_prices.is_some());
}

#[test]
fn a_batch_comes_over_tls_from_whom_we_trust() {
    let scene = Scene::tls("127.0.0.1");
    assert!(scene.server.url.starts_with("https://"));
    // a connection that breaks off is taken up as without TLS
    scene.server.fail(FILE, [Fault::Truncated(1_000), Fault::Status(503, None)]);
    assert!(matches!(scene.fetch(), Ok(Outcome::Fetched { files: 5, .. })));
    scene.assert_whole();
    let resumed: Vec<String> =
        scene.server.asked().iter().filter_map(|asked| asked.headers.get("range").cloned()).collect();
    assert_eq!(resumed, ["bytes=1000-", "bytes=1000-"]);
}

#[test]
fn nobody_else_is_believed() {
    // signed by an authority that the public does not know; by one we trust, but for another name; by another one we trust
    let mut unknown = Scene::tls("127.0.0.1");
    unknown.trust = Trust::public();
    let misnamed = Scene::tls("127.0.0.2");
    let mut foreign = Scene::tls("127.0.0.1");
    foreign.trust = misnamed.trust.clone();
    for scene in [unknown, misnamed, foreign] {
        let error = scene.fetch().expect_err("not to be believed");
        assert!(matches!(&error, DownloadError::Http(HttpError::Certificate { .. })), "{error:?}");
        assert!(error.to_string().contains("--ca-file"), "{error}");
        assert!(scene.pauses().is_empty(), "another try would not help");
        assert!(scene.server.asked().is_empty(), "nothing is said to a stranger");
        scene.assert_absent();
    }
}

#[test]
fn a_file_that_names_nobody_to_trust_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("own.pem");
    assert!(matches!(Trust::of_file(&file), Err(TrustError::Read(_))));
    for text in ["", "no certificate\n", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"] {
        fs::write(&file, text).expect("written");
        let error = Trust::of_file(&file).expect_err("nobody");
        assert!(error.to_string().contains("own.pem: expected certificates in PEM form"), "{error}");
    }
}
