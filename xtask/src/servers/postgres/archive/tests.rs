use super::*;

struct Folder(PathBuf);

impl Folder {
    fn create(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
        fs::create_dir_all(path.join("wal")).unwrap();
        for (name, script) in [("keep.sh", KEEP), ("fetch.sh", FETCH)] {
            fs::write(path.join(name), script).unwrap();
        }
        Self(path)
    }

    fn run(&self, script: &str, args: [&str; 2]) -> Option<i32> {
        let args =
            args.map(|arg| if arg.starts_with("00") { arg.into() } else { self.0.join(arg) });
        let mut command = Command::new("sh");
        command.arg(self.0.join(script)).args(args).stderr(std::process::Stdio::null());
        command.status().unwrap().code()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const FILE: &str = "000000010000000000000003";

#[test]
fn a_file_is_archived_once_and_never_replaced() {
    let folder = Folder::create("archive-keep");
    folder.write("mine", "a part of the log");
    folder.write("other", "another part");
    assert_eq!(folder.run("keep.sh", ["mine", FILE]), Some(0));
    assert_eq!(folder.run("keep.sh", ["mine", FILE]), Some(0), "the same once more");
    assert_eq!(folder.run("keep.sh", ["other", FILE]), Some(1), "another under its name");
    assert_eq!(folder.run("fetch.sh", [FILE, "got"]), Some(0));
    assert_eq!(fs::read_to_string(folder.0.join("got")).unwrap(), "a part of the log");
    assert_eq!(fs::read_dir(folder.0.join("wal")).unwrap().count(), 1, "no draft is left");
}

#[test]
fn what_is_not_there_is_the_end_and_what_cannot_be_read_is_not() {
    let folder = Folder::create("archive-fetch");
    assert_eq!(folder.run("fetch.sh", [FILE, "got"]), Some(1));
    folder.write(&format!("wal/{FILE}.gz"), "no gzip at all");
    assert_eq!(folder.run("fetch.sh", [FILE, "got"]), Some(200));
    fs::create_dir_all(folder.0.join("lost/pg_wal")).unwrap();
    folder.write("lost/pg_wal/000000010000000000000004", "not brought any more");
    assert_eq!(folder.run("fetch.sh", ["000000010000000000000004", "got"]), Some(0));
}

#[test]
fn a_moment_is_in_utc_and_sorts_as_text() {
    let moment = |text: &str| text.parse::<Moment>();
    assert_eq!(moment("2026-11-23T05:00:00Z").unwrap().as_str(), "2026-11-23T05:00:00.000000Z");
    let target = moment("2026-11-23T05:00:00Z").unwrap().as_target();
    assert_eq!(target, "2026-11-23 05:00:00.000000+00");
    assert!(moment("2026-11-23T05:00:00.5Z").unwrap() > moment("2026-11-23T05:00:00Z").unwrap());
    for bad in ["2026-11-23", "2026-11-23T05:00:00+03:00", "2026-11-23 05:00:00Z", "yesterday", "Z"]
    {
        assert!(moment(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_backup_of_a_future_that_was_given_up_is_not_on_the_way() {
    let base = |timeline, end| Base {
        finished: "2026-11-23T05:00:00Z".parse().unwrap(),
        folder: PathBuf::new(),
        timeline,
        end,
        first_file: FILE.to_owned(),
    };
    // Timeline 3 left timeline 2 at 500, which had left timeline 1 at 300.
    let history = [(1, 300), (2, 500)];
    assert!(base(1, 200).is_on(3, &history) && base(2, 400).is_on(3, &history));
    assert!(base(3, 900).is_on(3, &history));
    assert!(!base(2, 600).is_on(3, &history), "made after timeline 3 had left");
    assert!(!base(4, 100).is_on(3, &history));
}

#[test]
fn places_in_the_log_compare_across_timelines() {
    assert_eq!(place("000000010000000000000003"), place("0000000A0000000000000003.partial"));
    assert!(place("000000010000000A00000003") > place("000000020000000900000004"));
    assert_eq!(place("00000002.history"), None);
    assert_eq!(lsn("1/10").unwrap(), (1 << 32) + 16);
}
