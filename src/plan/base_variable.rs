//! The variables that every strict command gets from its caller and that are not counted. Data only.

/// Who and where we are.
const PERSON: &[&str] = &["PATH", "HOME", "USER", "LOGNAME", "LANG", "TMPDIR", "TERM"];
/// Where tools keep what they download, build and are configured by.
const PLACES: &[&str] = &["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"];
/// Where Go keeps things, and how it gets and checks modules. What changes a build (GOFLAGS, GOOS, CGO_ENABLED, …) is not
/// here: it is counted, and so has to be named.
const GO: &[&str] = &[
    "GOPATH",
    "GOMODCACHE",
    "GOCACHE",
    "GOCACHEPROG",
    "GOROOT",
    "GOTMPDIR",
    "GOENV",
    "GOPROXY",
    "GONOPROXY",
    "GOPRIVATE",
    "GONOSUMDB",
    "GOSUMDB",
    "GONOSUMCHECK",
    "GOINSECURE",
    "GOVCS",
    "GOAUTH",
    "GOTOOLCHAIN",
];
/// How to reach the network, and whom to trust there.
const NETWORK: &[&str] = &[
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "SSH_AUTH_SOCK",
];
/// How to reach the container engine: without its companions, a DOCKER_HOST alone may not answer.
const DOCKER: &[&str] = &[
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "DOCKER_CERT_PATH",
    "DOCKER_TLS_VERIFY",
];

/// Whether a variable belongs to the base that build, test and image commands see without its being counted.
///
/// It holds what says who we are (PATH, HOME, USER, LOGNAME, LANG, LC_*, TMPDIR, TERM), where tools keep things
/// (XDG_CACHE_HOME, XDG_CONFIG_HOME, XDG_RUNTIME_DIR, Go's directories), how Go gets and checks modules, how to reach
/// the network (proxies, certificates, the ssh agent) and the container engine (DOCKER_HOST and what goes with it).
/// Nothing of it should change what a build makes.
///
/// SHELL is not in it: scripts name their interpreter, and a login shell should not change what they do. Nor are CI,
/// NO_COLOR, TZ or any compiler's settings: they change results, so they are passed when they are named, and counted.
pub fn is_base_variable(name: &str) -> bool {
    name.starts_with("LC_")
        || [PERSON, PLACES, GO, NETWORK, DOCKER]
            .iter()
            .any(|group| group.contains(&name))
}
