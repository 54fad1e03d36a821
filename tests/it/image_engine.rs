//! Real container engines, spoken to as Dockerfile builds do: they build, name, save and load images, and keep their ids.

use crate::components::{buildah, docker, podman, unique};
use gomake::execute::engine::{BuildLine, DockerBuild, Engine, Purpose, Reach, Secret, read_id};
use gomake::execute::environment::Variables;
use gomake::execute::signal::Cancel;
use gomake::image::digest::Sha256;
use gomake::image::document::Descriptor;
use gomake::image::platform::Platform;
use gomake::image::{archive, import, layout};
use gomake::plan::image::EngineName;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Two stages without a base, so that nothing has to be pulled and nothing runs.
const DOCKERFILE: &str = "FROM scratch AS first\nCOPY data /data\n\
    FROM scratch\nARG V\nLABEL v=$V\nCOPY --from=first /data /copied\nCOPY data/b /b\nCMD [\"/b\"]\n";

/// An engine, a build, and an image that is removed at the end.
struct Case {
    engine: Engine,
    dir: TempDir,
    tag: String,
}

impl Drop for Case {
    fn drop(&mut self) {
        self.remove();
    }
}

fn case(name: EngineName, host: Option<&str>) -> Case {
    let dir = tempfile::tempdir().expect("a directory");
    // Of its own down to the contents: removing an image must not take steps from another case.
    let own = unique("engine");
    fs::create_dir_all(dir.path().join("context/data")).expect("a directory");
    fs::write(dir.path().join("context/data/a"), &own).expect("a file");
    fs::write(dir.path().join("context/data/b"), &own).expect("a file");
    fs::write(dir.path().join("context/Dockerfile"), DOCKERFILE).expect("a file");
    let mut caller: Variables = std::env::vars_os().collect();
    caller.extend(host.map(|host| ("DOCKER_HOST".into(), host.into())));
    if host.is_none() {
        // buildah's look at what it has cached fails if another process removes an image meanwhile.
        let conf = storage_of_its_own(dir.path());
        caller.insert("CONTAINERS_STORAGE_CONF".into(), conf.into());
    }
    let reach = Reach {
        caller,
        dir: dir.path().to_owned(),
        cancel: Cancel::new().expect("a pipe"),
    };
    Case {
        engine: Engine::find(Some(name), Purpose::Build, &reach).expect("it works"),
        dir,
        tag: format!("localhost/{own}:1"),
    }
}

/// Where podman and buildah find nothing of other tests. Plain directories, which work everywhere and can be removed.
fn storage_of_its_own(dir: &Path) -> PathBuf {
    let (root, run) = (dir.join("storage"), dir.join("storage-run"));
    let conf = dir.join("storage.conf");
    let text = format!("[storage]\ndriver = \"vfs\"\ngraphroot = {root:?}\nrunroot = {run:?}\n");
    fs::write(&conf, text).expect("a file");
    conf
}

impl Case {
    fn line(&self, secrets: &BTreeMap<String, Secret>) -> Result<BuildLine, String> {
        let id_file = self.dir.path().join("id");
        let context = self.dir.path().join("context");
        self.engine.build(&DockerBuild {
            dockerfile: &context.join("Dockerfile"),
            context: &context,
            args: &BTreeMap::from([("V".to_owned(), "a value".to_owned())]),
            target: None,
            labels: &BTreeMap::from([("l".to_owned(), "x=y".to_owned())]),
            secrets,
            platform: None,
            tags: std::slice::from_ref(&self.tag),
            id_file: &id_file,
        })
    }
    fn build(&self, secrets: &BTreeMap<String, Secret>) -> Sha256 {
        let line = self.line(secrets).expect("a command line");
        let output = command(&line).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let id = fs::read_to_string(self.dir.path().join("id")).expect("an id file");
        read_id(&id).expect("an id")
    }
    /// Removes the image with all its names.
    fn remove(&self) {
        let line = self.line(&BTreeMap::new()).expect("a command line");
        let mut remove = command(&line);
        if let Ok(Some(id)) = self.engine.id_of(&self.tag) {
            let _ = with(&mut remove, &["rmi", "--force", &id.to_string()]).output();
        }
    }
}

fn command(line: &BuildLine) -> Command {
    let mut command = Command::new(&line.program);
    command.args(&line.args).env_clear().envs(&line.env);
    command
}

/// The same program in the same environment with other arguments.
fn with(command: &mut Command, args: &[&str]) -> Command {
    let mut other = Command::new(command.get_program());
    other.env_clear().args(args);
    for (name, value) in command.get_envs() {
        other.env(name, value.expect("set"));
    }
    other
}

/// Through everything that an engine does for a Dockerfile image.
fn goes_through(case: &Case) {
    let id = case.build(&BTreeMap::new());
    assert_eq!(case.engine.has(id), Ok(true));
    assert_eq!(case.engine.id_of(&case.tag), Ok(Some(id)));
    assert_eq!(case.engine.has(Sha256([0x5a; 32])), Ok(false));
    assert_eq!(case.engine.id_of("localhost/gomake-test-none:1"), Ok(None));
    let again = format!("{}-again", case.tag);
    case.engine.tag(id, &again).expect("tagged");
    assert_eq!(case.engine.id_of(&again), Ok(Some(id)));

    let saved = case.dir.path().join("saved.tar");
    case.engine.save(id, &saved).expect("saved");
    let layout = case.dir.path().join("layout");
    assert_eq!(import::import(&saved, &layout).expect("an image"), id);
    let image = layout::read(&layout).expect("a layout of ours");
    let record = &image.record.images[0];
    let files: Vec<&str> = record
        .layers
        .iter()
        .flat_map(|layer| &layer.files)
        .map(|file| file.path.as_str())
        .collect();
    for file in ["/copied/a", "/copied/b", "/b"] {
        assert!(files.contains(&file), "{file} in {files:?}");
    }
    // What was imported is still the image: the engine takes it back under its old id.
    case.remove();
    assert_eq!(case.engine.has(id), Ok(false));
    let archive = case.dir.path().join("ours.tar");
    write_archive(&layout, &case.tag, &archive);
    let loaded = case.engine.load(&archive).expect("loaded");
    assert!(!loaded.is_empty());
    assert_eq!(case.engine.has(id), Ok(true));
    case.engine.tag(id, &case.tag).expect("tagged");
    assert_eq!(case.engine.id_of(&case.tag), Ok(Some(id)));
}

fn write_archive(dir: &Path, tag: &str, archive: &Path) {
    let image = layout::read(dir).expect("a layout of ours");
    let blobs = layout::blobs(dir);
    let find = |blob: &Descriptor| Ok(blobs.path(blob.digest));
    let host = Platform::new("linux", "amd64");
    let mut out = File::create(archive).expect("a file");
    archive::write_tar(&image, &[tag.to_owned()], &host, &find, &mut out).expect("written");
}

#[test]
fn docker_builds_saves_and_loads() {
    let Some(docker) = docker() else { return };
    let case = case(EngineName::Docker, Some(&docker.host));
    goes_through(&case);
    let inspect = [
        "image",
        "inspect",
        "--format",
        "{{json .Config.Labels}}",
        &case.tag,
    ];
    assert_eq!(docker.run(&inspect), r#"{"l":"x=y","v":"a value"}"#);
}

#[test]
fn podman_builds_saves_and_loads() {
    if podman().is_some() {
        goes_through(&case(EngineName::Podman, None));
    }
}

#[test]
fn buildah_builds_saves_and_loads() {
    if buildah().is_some() {
        goes_through(&case(EngineName::Buildah, None));
    }
}

#[test]
fn secrets_are_taken_or_refused() {
    let secrets = BTreeMap::from([
        ("a".to_owned(), Secret::Value("hush".into())),
        ("b".to_owned(), Secret::File("/dev/null".into())),
    ]);
    let docker = docker().map(|docker| case(EngineName::Docker, Some(&docker.host)));
    let podman = podman().map(|_| case(EngineName::Podman, None));
    let buildah = buildah().map(|_| case(EngineName::Buildah, None));
    for case in [docker, podman, buildah].iter().flatten() {
        match case.line(&secrets) {
            Ok(_) => drop(case.build(&secrets)),
            Err(reason) => assert!(reason.contains("BuildKit"), "{reason}"),
        }
    }
}
