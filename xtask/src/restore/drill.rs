//! The commands as they are documented, against servers of this test alone: backed up, destroyed, restored.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};

use crate::cluster::fence;
use crate::home::Home;
use crate::lock::{self, Lock};
use crate::ports::{self, Reservation};
use crate::process::{self, Running};
use crate::secrets::Secrets;
use crate::servers::postgres::archive::{Archive, Moment};
use crate::servers::postgres::{self, Node};
use crate::servers::{Purpose, Setup};
use crate::services::{self, Scale};
use crate::stack::{DATABASE, Stack};
use crate::{backup, http, seed, up};

const PATIENCE: Duration = Duration::from_mins(2);
const CUBE: &[u8] = include_bytes!("../../../pricing/tests/models/20mm-xyz-cube.stl");
/// Who decides, who projects, who answers.
const SERVICES: [&str; 3] = ["write-api", "projector", "read-api"];

struct Drill {
    setup: Setup,
    stack: Stack,
    binaries: PathBuf,
    model: String,
    running: Vec<Running>,
    lock: Option<Lock>,
    _reservation: Reservation,
}

impl Drill {
    fn start() -> Result<Self> {
        let name = format!("test-restore-{}", std::process::id());
        let lock = lock::take(&Home::of(&name)?)?;
        let home = Home::create(&name)?;
        let reservation = ports::reserve(None)?;
        let (ports, secrets) = (reservation.ports, Secrets::random()?);
        let setup = Setup { home, ports, secrets, purpose: Purpose::Stack };
        let binaries = std::env::var_os("MES_TEST_BIN_DIR").expect("`cargo xtask test` says where");
        let binaries = PathBuf::from(binaries);
        let mut running = vec![postgres::start_primary(&setup)?];
        running.push(postgres::start_replica(&setup, standby(&setup))?);
        let stack = up::migrate_and_record(&setup, &binaries)?;
        let mut drill = Self {
            setup,
            stack,
            binaries,
            model: String::new(),
            running,
            lock,
            _reservation: reservation,
        };
        drill.start_services()?;
        seed::run(&mut drill.stack)?;
        drill.stack.write(&drill.setup.home)?;
        drill.model = drill.upload()?;
        Ok(drill)
    }

    fn start_services(&mut self) -> Result<()> {
        let all = services::all(&self.setup, &self.stack, &self.binaries, Scale::one());
        let mut starting = Vec::new();
        for service in all.into_iter().filter(|one| SERVICES.contains(&&*one.launch.name)) {
            starting.push((service.launch.start()?, service.ready));
        }
        for (mut service, ready) in starting {
            service.wait_until(PATIENCE, || http::is_ok(&ready))?;
            self.running.push(service);
        }
        Ok(())
    }

    /// One of the documented commands; answers with what it prints.
    fn xtask(&self, args: &[&str]) -> Result<String> {
        let mut command = Command::new(self.binaries.join("xtask"));
        process::output(command.args(args).args(["--name", &self.setup.home.name]))
    }

    fn destroy_everything(&mut self) -> Result<()> {
        for running in &mut self.running {
            running.kill();
        }
        self.running.clear();
        for node in Node::all(self.setup.purpose) {
            fence::end_all(&node.data(&self.setup))?;
        }
        Ok(fs::remove_dir_all(self.setup.home.data.join("postgres"))?)
    }

    fn restore(&mut self, to: &Moment) -> Result<String> {
        self.lock = None;
        let told = self.xtask(&["restore", "--to", to.as_str(), "--stay-down"]);
        self.lock = lock::take(&self.setup.home)?;
        told
    }

    fn start_again(&mut self) -> Result<()> {
        self.running.push(postgres::start_primary(&self.setup)?);
        self.running.push(postgres::start_replica(&self.setup, standby(&self.setup))?);
        self.stack = up::migrate_and_record(&self.setup, &self.binaries)?;
        self.start_services()
    }

    fn now(&self) -> Result<Moment> {
        backup::now(&self.setup)
    }

    fn sql(&self, sql: &str) -> Result<String> {
        Ok(postgres::psql(&self.setup, DATABASE, sql)?.trim().to_owned())
    }

    fn key(&self) -> &str {
        &self.stack.partners[0].key
    }

    fn upload(&self) -> Result<String> {
        let url = format!("{}/v1/models", self.stack.write_api);
        let authorization = format!("Bearer {}", self.key());
        let mut answer = ureq::post(url).header("Authorization", authorization).send(CUBE)?;
        let answer: Value = serde_json::from_str(&answer.body_mut().read_to_string()?)?;
        Ok(answer["model_id"].as_str().unwrap_or_default().to_owned())
    }

    /// A partner's order; the same one however often it is sent. Answers with the id and the epoch of its position.
    fn submit(&self, external_id: &str) -> Result<(String, u64)> {
        let body = json!({
            "external_id": external_id, "model_id": self.model, "unit": "millimetre",
            "material": "silver-925", "finish": "polished", "quantity": 1,
        });
        let url = format!("{}/v1/orders", self.stack.write_api);
        let answer = http::send("POST", &url, self.key(), &body)?;
        let order_id = answer["order"]["order_id"].as_str().unwrap_or_default().to_owned();
        Ok((order_id, epoch(&answer["position"])))
    }

    fn cancel(&self, order_id: &str) -> Result<()> {
        let url = format!("{}/v1/orders/{order_id}/cancel", self.stack.write_api);
        http::send("POST", &url, self.key(), &json!({"reason": "not wanted any more"})).map(drop)
    }

    fn read(&self, path: &str) -> Result<Value> {
        http::bearer(&format!("{}{path}", self.stack.read_api), self.key())
    }

    /// The partner's feed from its beginning, once it tells of this order.
    fn feed_with(&self, order_id: &str) -> Value {
        eventually(&format!("the feed tells of {order_id}"), || {
            let feed = self.read("/v1/feed?limit=1000").ok()?;
            feed.to_string().contains(order_id).then_some(feed)
        })
    }
}

impl Drop for Drill {
    fn drop(&mut self) {
        process::stop_all(self.running.iter_mut().rev());
        if let Err(error) = self.setup.home.remove() {
            eprintln!("{error:#}");
        }
    }
}

/// One of two is enough for a commit.
fn standby(setup: &Setup) -> Node {
    Node::replicas(setup).next().expect("a stack has standbys")
}

fn epoch(position: &Value) -> u64 {
    let epoch = position.as_str().and_then(|text| text.split_once('-')?.0.parse().ok());
    epoch.unwrap_or_else(|| panic!("{position} is no position"))
}

fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn everything_before_the_moment_comes_back_and_nothing_after_it() -> Result<()> {
    let mut drill = Drill::start()?;
    let (first, epoch_before) = drill.submit("before the backup")?;
    let told = drill.xtask(&["backup"])?;
    assert!(told.contains("verified"), "{told}");
    let (second, _) = drill.submit("after the backup")?;
    let moment = drill.now()?;

    // What is to be undone: an order, a change of another, and a life of the log that readers have heard of.
    let (undone, _) = drill.submit("after the moment")?;
    drill.cancel(&first)?;
    let told = drill.xtask(&["rebuild", "--no-build"])?;
    assert!(told.contains("rebuilt"), "{told}");
    let lost = eventually("the feed goes on in the rebuilt read model", || {
        let next = drill.feed_with(&undone)["next"].clone();
        (epoch(&next) > epoch_before).then_some(next)
    });
    backup::wait_for_the_archive(&drill.setup, &Archive::of(&drill.setup))?;
    drill.destroy_everything()?;

    let told = drill.restore(&moment)?;
    assert!(told.contains("timeline 2"), "{told}");
    drill.start_again()?;
    let orders =
        drill.sql("SELECT string_agg(order_id::text, ' ' ORDER BY order_id) FROM write.orders")?;
    let mut expected = [first.clone(), second.clone()];
    expected.sort();
    assert_eq!(orders, expected.join(" "));
    assert_ne!(drill.read(&format!("/v1/orders/{first}"))?["order"]["status"], "CANCELLED");
    assert!(postgres::is_streaming(&drill.setup, standby(&drill.setup)));

    // An epoch that never was: the lost future's second one must not be taken for this one's.
    let (again, epoch_after) = eventually("orders are taken in the new epoch", || {
        drill.submit("after the moment").ok().filter(|(_, now)| *now > epoch(&lost))
    });
    assert_ne!(again, undone, "the same command, and an order of its own");
    let feed = drill.feed_with(&again);
    assert_eq!(epoch(&feed["next"]), epoch_after);
    assert!(!feed.to_string().contains(&undone), "the feed tells of what never was");
    let lost = lost.as_str().unwrap_or_default();
    let refused = drill.read(&format!("/v1/feed?after={lost}")).expect_err("a cursor of before");
    assert!(format!("{refused:#}").contains("feed-began-anew"), "{refused:#}");

    // And on: the new timeline is archived, too.
    drill.xtask(&["backup"])?;
    let works = "SELECT last_failed_time IS NULL OR last_archived_time > last_failed_time FROM pg_stat_archiver";
    eventually("the primary archives", || (drill.sql(works).ok()? == "t").then_some(()));
    let bases = Archive::of(&drill.setup).bases()?;
    assert_eq!(bases.iter().map(|base| base.timeline).collect::<Vec<_>>(), [1, 2]);
    Ok(())
}
