use super::*;
use crate::base::fs;
use crate::image::platform::Platform;
use tempfile::TempDir;

/// A directory of programs that play engines, and how to reach them.
struct Stage {
    dir: TempDir,
    reach: Reach,
}

fn stage(programs: &[(&str, &str)]) -> Stage {
    let dir = tempfile::tempdir().expect("a directory");
    for (name, script) in programs {
        let path = dir.path().join(name);
        let text = format!("#!/bin/sh\n{script}\n");
        fs::write_atomic(&path, text.as_bytes()).expect("a script");
        fs::set_mode(&path, 0o755).expect("a mode");
    }
    let caller = [
        ("PATH", dir.path().to_str().expect("UTF-8")),
        ("TOKEN", "x"),
    ];
    let caller = caller.map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let reach = Reach {
        caller: caller.into(),
        dir: dir.path().to_owned(),
        cancel: Cancel::new().expect("a pipe"),
    };
    Stage { dir, reach }
}

const NO_BUILDX: &str = r#"case $1 in
version) echo "WARNING: Error loading config file"; echo "CLIENT 20.10.24+dfsg1";;
*) echo "docker: '$1' is not a docker command." >&2; exit 1;;
esac"#;
const BUILDX: &str = r#"case $1 in version) echo "28.2.2 28.2.2";; buildx) ;; *) exit 1;; esac"#;
const ANY: &str = "exit 0";

fn docker(script: &str) -> Engine {
    let stage = stage(&[("docker", script)]);
    Engine::find(None, Purpose::Build, &stage.reach).expect("it answers")
}
fn named(name: EngineName) -> Engine {
    let stage = stage(&[(name.word(), ANY)]);
    Engine::find(Some(name), Purpose::Build, &stage.reach).expect("it answers")
}
fn old_client() -> Engine {
    docker(&NO_BUILDX.replace("CLIENT", "20.10.24+dfsg1"))
}
fn new_client_without_buildx() -> Engine {
    docker(&NO_BUILDX.replace("CLIENT", "28.2.2"))
}

#[test]
fn the_first_engine_that_works_is_taken() {
    let refuses = "echo; echo 'Cannot connect to the Docker daemon.' >&2; exit 1";
    let both = stage(&[("docker", refuses), ("podman", ANY), ("buildah", ANY)]);
    let found = Engine::find(None, Purpose::Load, &both.reach).expect("podman works");
    assert_eq!(found.name, EngineName::Podman);
    let wanted = Some(EngineName::Buildah);
    let found = Engine::find(wanted, Purpose::Load, &both.reach).expect("buildah works");
    assert_eq!(found.name, EngineName::Buildah);
    let wanted = Some(EngineName::Docker);
    assert_eq!(
        Engine::find(wanted, Purpose::Load, &both.reach).expect_err("it does not work"),
        "cannot load an image by docker: Cannot connect to the Docker daemon."
    );
}

#[test]
fn all_that_was_tried_is_told() {
    // podman's stand-in for docker.
    let stage = stage(&[("docker", "echo '4.3.1 '"), ("podman", "kill -9 $$")]);
    assert_eq!(
        Engine::find(None, Purpose::Build, &stage.reach).expect_err("none works"),
        "no container engine can build a Dockerfile (docker: there is no Docker server behind it; \
         podman: it was killed by signal 9; buildah: it is not installed)"
    );
}

#[test]
fn how_docker_builds_depends_on_its_client() {
    assert_eq!(old_client().builder, Builder::BuildKit);
    assert_eq!(new_client_without_buildx().builder, Builder::Older);
    assert_eq!(docker(BUILDX).builder, Builder::Buildx);
    let mut stage = stage(&[("docker", BUILDX)]);
    stage
        .reach
        .caller
        .insert("DOCKER_BUILDKIT".into(), "0".into());
    let found = Engine::find(None, Purpose::Build, &stage.reach).expect("it answers");
    assert_eq!(found.builder, Builder::Older);
}

/// The words of a build, and the variables that it is given beside the caller's.
fn line(engine: &Engine, secrets: &[(&str, Secret)]) -> Result<(String, String), String> {
    let map = |pairs: &[(&str, &str)]| {
        let pairs = pairs.iter();
        pairs
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect()
    };
    let secrets = secrets.iter();
    let line = engine.build(&DockerBuild {
        dockerfile: Path::new("/p/Dockerfile"),
        context: Path::new("/p"),
        args: &map(&[("A", "1 2"), ("B", "")]),
        target: Some("app"),
        labels: &map(&[("l", "x=y")]),
        secrets: &secrets
            .map(|(id, s)| ((*id).to_owned(), s.clone()))
            .collect(),
        platform: Some(&Platform::new("linux", "arm64")),
        tags: &["r.io/a:1".to_owned()],
        id_file: Path::new("/t/id"),
    })?;
    let words = [line.program].into_iter().chain(line.args);
    let words: Vec<String> = words
        .map(|word| word.into_string().expect("UTF-8"))
        .collect();
    let env = line.env.iter().filter(|(name, _)| *name != "PATH");
    let env: Vec<String> = env
        .map(|(name, value)| format!("{}={}", name.display(), value.display()))
        .collect();
    Ok((words.join("|"), env.join(" ")))
}

#[test]
fn the_command_lines_of_builds() {
    let rest = "|--iidfile|/t/id|--file|/p/Dockerfile|--target|app|--platform|linux/arm64\
        |--build-arg|A=1 2|--build-arg|B=|--label|l=x=y|--tag|r.io/a:1|/p";
    for (engine, words, env) in [
        (
            docker(BUILDX),
            "docker|build|--load",
            "BUILDKIT_PROGRESS=plain BUILDX_NO_DEFAULT_ATTESTATIONS=1 DOCKER_BUILDKIT=1",
        ),
        (
            old_client(),
            "docker|build",
            "BUILDKIT_PROGRESS=plain DOCKER_BUILDKIT=1",
        ),
        (
            new_client_without_buildx(),
            "docker|build",
            "DOCKER_BUILDKIT=0",
        ),
        (named(EngineName::Podman), "podman|build", ""),
        (named(EngineName::Buildah), "buildah|build|--layers", ""),
    ] {
        let expected = (format!("{words}{rest}"), env.to_owned());
        assert_eq!(line(&engine, &[]), Ok(expected));
    }
}

#[test]
fn secrets_stand_in_the_environment_or_in_files() {
    let secrets = [
        ("a", Secret::Value("hush".into())),
        ("b", Secret::File("/s/b".into())),
    ];
    for engine in [docker(BUILDX), old_client(), named(EngineName::Podman)] {
        let (words, env) = line(&engine, &secrets).expect("it takes secrets");
        assert!(words.contains("|--secret|id=a,env=GOMAKE_SECRET_0|--secret|id=b,src=/s/b|"));
        assert!(!words.contains("hush") && env.contains("GOMAKE_SECRET_0=hush"));
    }
    let refused = line(&new_client_without_buildx(), &secrets).expect_err("it takes none");
    assert!(refused.contains("BuildKit"), "{refused}");
    let comma = [("a", Secret::File("/a,\"b".into()))];
    let (words, _) = line(&docker(BUILDX), &comma).expect("it reads CSV");
    assert!(words.contains("|id=a,\"src=/a,\"\"b\"|"), "{words}");
    let refused = line(&named(EngineName::Buildah), &comma).expect_err("it cannot be written");
    assert_eq!(refused, "buildah takes no secret with `src=/a,\"b`");
    assert_eq!(format!("{secrets:?}"), "[(\"a\", Value), (\"b\", File)]");
}

#[test]
fn what_engines_need_is_passed_and_nothing_else() {
    let caller = [
        "DOCKER_HOST",
        "BUILDAH_ISOLATION",
        "AWS_SECRET",
        "DOCKER_BUILDKIT",
        "HOME",
    ];
    let caller = caller.map(|name| (OsString::from(name), OsString::from("x")));
    let passed: Vec<_> = environment(&caller.into()).into_keys().collect();
    assert_eq!(passed, ["BUILDAH_ISOLATION", "DOCKER_HOST", "HOME"]);
}

const HEX: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// An engine with the directory that it lives in.
struct Answering {
    engine: Engine,
    dir: TempDir,
}
impl std::ops::Deref for Answering {
    type Target = Engine;
    fn deref(&self) -> &Engine {
        &self.engine
    }
}

/// An engine that answers `version` and `info`, and everything else by a script.
fn answering(name: EngineName, script: &str) -> Answering {
    let script =
        format!("case $1 in version) echo '28 28'; exit;; buildx|info) exit;; esac\n{script}");
    let stage = stage(&[(name.word(), script.as_str())]);
    Answering {
        engine: Engine::find(Some(name), Purpose::Load, &stage.reach).expect("it answers"),
        dir: stage.dir,
    }
}

#[test]
fn an_image_is_there_gone_or_cannot_be_told() {
    let id: Sha256 = format!("sha256:{HEX}").parse().expect("a digest");
    for (name, absence) in [
        (
            EngineName::Docker,
            "Error response from daemon: no such image: x: No such image: x:latest",
        ),
        (EngineName::Docker, "Error: No such object: x"),
        (
            EngineName::Podman,
            "Error: inspecting object: x: image not known",
        ),
        (
            EngineName::Buildah,
            "Error: importing settings: x: image not known",
        ),
    ] {
        let there = answering(name, &format!("echo warning >&2; echo {HEX}"));
        assert_eq!(there.has(id), Ok(true));
        assert_eq!(there.id_of("a:1"), Ok(Some(id)));
        let gone = answering(name, &format!("echo '{absence}' >&2; exit 1"));
        assert_eq!(gone.has(id), Ok(false));
        let broken = answering(name, "echo 'Cannot connect' >&2; exit 1");
        assert_eq!(broken.has(id), Err("Cannot connect".to_owned()));
        assert!(answering(name, "echo nothing").has(id).is_err());
    }
}

#[test]
fn what_was_loaded_is_told() {
    let prints = |name, text: &str| {
        let engine = answering(name, &format!("printf '{text}'"));
        engine.load(Path::new("/a.tar")).expect("it was loaded")
    };
    let docker = prints(
        EngineName::Docker,
        "Loaded image: a:1\\nLoaded image: b:2\\n",
    );
    assert_eq!(docker, ["a:1", "b:2"]);
    let unnamed = prints(
        EngineName::Docker,
        &format!("Loaded image ID: sha256:{HEX}\\n"),
    );
    assert_eq!(unnamed, [format!("sha256:{HEX}")]);
    let podman = prints(
        EngineName::Podman,
        "Getting image\\nLoaded image(s): a:1,b:2\\n",
    );
    assert_eq!(podman, ["a:1", "b:2"]);
    assert_eq!(prints(EngineName::Buildah, &format!("{HEX}\\n")), [HEX]);
    let refused = answering(
        EngineName::Docker,
        "echo 'open /a.tar: no such file' >&2; exit 1",
    );
    assert_eq!(
        refused.load(Path::new("/a.tar")),
        Err("open /a.tar: no such file".to_owned())
    );
}

#[test]
fn an_image_is_saved_in_its_own_format() {
    let id: Sha256 = format!("sha256:{HEX}").parse().expect("a digest");
    let docker_type = "application/vnd.docker.distribution.manifest.v2+json";
    let inspect = |kind: &str| {
        format!("case $1 in image|inspect) echo {kind};; *) echo \"$@\" > said;; esac")
    };
    for (name, kind, expected) in [
        (
            EngineName::Docker,
            docker_type,
            format!("save sha256:{HEX} --output /a"),
        ),
        (
            EngineName::Podman,
            docker_type,
            format!("save --quiet --format docker-archive sha256:{HEX} --output /a"),
        ),
        (
            EngineName::Podman,
            "oci",
            format!("save --quiet --format oci-archive sha256:{HEX} --output /a"),
        ),
        (
            EngineName::Buildah,
            docker_type,
            format!("push --quiet sha256:{HEX} docker-archive:/a"),
        ),
        (
            EngineName::Buildah,
            "oci",
            format!("push --quiet sha256:{HEX} oci-archive:/a"),
        ),
    ] {
        let engine = answering(name, &inspect(kind));
        engine.save(id, Path::new("/a")).expect("saved");
        let said = fs::read_text(&engine.dir.path().join("said")).expect("the words");
        assert_eq!(said.trim_end(), expected);
    }
}

#[test]
fn ids_are_read_as_engines_write_them() {
    let id = format!("sha256:{HEX}").parse().ok();
    for text in [
        HEX.to_owned(),
        format!("sha256:{HEX}\n"),
        format!("  sha256:{HEX}\r\n"),
    ] {
        assert_eq!(read_id(&text), id);
    }
    for text in ["", "sha256:", "sha256:abc", "latest"] {
        assert_eq!(read_id(text), None);
    }
}

#[test]
fn the_notice_of_the_older_builder_is_left_out() {
    let notice = "DEPRECATED: The legacy builder is deprecated and will be removed in a future release.\n            \
        Install the buildx component to build images with BuildKit:\n            https://docs.docker.com/go/buildx/\n\n";
    let shown = "Sending build context\r\nDEPRECATED: yours\nStep 1/1 : FROM scratch\n\nDEPR";
    let whole = format!("{notice}Sending build context\r\n{notice}{}", &shown[23..]);
    for size in [1, 2, 7, 1000] {
        let (mut noise, mut out) = (Noise::default(), Vec::new());
        for chunk in whole.as_bytes().chunks(size) {
            noise.push(chunk, &mut out);
        }
        noise.finish(&mut out);
        assert_eq!(String::from_utf8(out).expect("UTF-8"), shown);
    }
    // What cannot be the notice is not held back.
    let (mut noise, mut out) = (Noise::default(), Vec::new());
    noise.push(b"DEPRECATED: T!", &mut out);
    assert_eq!(out, b"DEPRECATED: T!");
}
