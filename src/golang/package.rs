//! One record of `go list -json`, and what it says of itself. Field meanings: `go help list`.
//! Does not know the project or which records stand beside it.

use serde::Deserialize;

/// The fields to ask for; each one less makes `go list` quicker.
pub const FIELDS: &str = "Dir,ImportPath,Name,ForTest,DepOnly,Standard,Module,Error,DepsErrors,Match,Imports,\
    GoFiles,CgoFiles,CFiles,CXXFiles,MFiles,FFiles,HFiles,SFiles,SysoFiles,SwigFiles,SwigCXXFiles,\
    IgnoredGoFiles,IgnoredOtherFiles,EmbedFiles,EmbedPatterns,\
    CgoCFLAGS,CgoCPPFLAGS,CgoCXXFLAGS,CgoLDFLAGS,CgoPkgConfig,\
    TestGoFiles,XTestGoFiles,TestEmbedFiles,TestEmbedPatterns,XTestEmbedFiles,XTestEmbedPatterns";

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Package {
    pub dir: String,
    pub import_path: String,
    pub name: String,
    pub for_test: String,
    pub dep_only: bool,
    pub standard: bool,
    pub module: Option<Module>,
    pub error: Option<PackageError>,
    pub deps_errors: Vec<PackageError>,
    /// The patterns of the call that it matches.
    pub r#match: Vec<String>,
    /// Import paths of what it imports, as they stand in other records: `q [p.test]` where that is built for the tests of `p`.
    pub imports: Vec<String>,
    go_files: Vec<String>,
    cgo_files: Vec<String>,
    c_files: Vec<String>,
    #[serde(rename = "CXXFiles")]
    cxx_files: Vec<String>,
    m_files: Vec<String>,
    f_files: Vec<String>,
    h_files: Vec<String>,
    s_files: Vec<String>,
    syso_files: Vec<String>,
    swig_files: Vec<String>,
    #[serde(rename = "SwigCXXFiles")]
    swig_cxx_files: Vec<String>,
    #[serde(rename = "CgoCFLAGS")]
    pub cgo_c_flags: Vec<String>,
    #[serde(rename = "CgoCPPFLAGS")]
    pub cgo_cpp_flags: Vec<String>,
    #[serde(rename = "CgoCXXFLAGS")]
    pub cgo_cxx_flags: Vec<String>,
    #[serde(rename = "CgoLDFLAGS")]
    pub cgo_ld_flags: Vec<String>,
    pub cgo_pkg_config: Vec<String>,
    ignored_go_files: Vec<String>,
    ignored_other_files: Vec<String>,
    embed_files: Vec<String>,
    embed_patterns: Vec<String>,
    test_go_files: Vec<String>,
    #[serde(rename = "XTestGoFiles")]
    x_test_go_files: Vec<String>,
    test_embed_files: Vec<String>,
    test_embed_patterns: Vec<String>,
    #[serde(rename = "XTestEmbedFiles")]
    x_test_embed_files: Vec<String>,
    #[serde(rename = "XTestEmbedPatterns")]
    x_test_embed_patterns: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Module {
    pub path: String,
    pub version: String,
    pub main: bool,
    pub dir: String,
    pub go_mod: String,
    pub replace: Option<Box<Module>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PackageError {
    pub pos: String,
    pub err: String,
}

/// Whether the tests of a package are wanted with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithTests {
    No,
    Yes,
}

impl Package {
    /// Files relative to `dir` by whose content Go's own build cache knows what it has compiled.
    pub fn files_of_action(&self) -> impl Iterator<Item = &str> {
        let own = [
            &self.go_files,
            &self.cgo_files,
            &self.c_files,
            &self.cxx_files,
            &self.m_files,
            &self.f_files,
            &self.h_files,
            &self.s_files,
            &self.syso_files,
            &self.swig_files,
            &self.swig_cxx_files,
        ];
        own.into_iter().flatten().map(String::as_str)
    }

    /// Files relative to `dir`. Ignored ones count: a build constraint changed in one of them changes the package, and others may
    /// include it.
    pub fn files(&self, tests: WithTests) -> impl Iterator<Item = &str> {
        let beside = [
            &self.ignored_go_files,
            &self.ignored_other_files,
            &self.embed_files,
        ];
        let of_tests = [
            &self.test_go_files,
            &self.x_test_go_files,
            &self.test_embed_files,
            &self.x_test_embed_files,
        ];
        let of_tests = of_tests
            .into_iter()
            .filter(move |_| tests == WithTests::Yes);
        // An absolute name is one that Go made in its own cache, such as a test's main.
        let beside = beside.into_iter().chain(of_tests).flatten();
        self.files_of_action()
            .chain(beside.map(String::as_str))
            .filter(|name| !name.starts_with('/'))
    }

    /// What it is called, without what it is built for: `q [p.test]` is `q`.
    pub fn plain_path(&self) -> &str {
        self.import_path.split(' ').next().unwrap_or_default()
    }
    /// Whether cgo or SWIG make it.
    pub fn uses_cgo(&self) -> bool {
        !(self.cgo_files.is_empty() && self.swig_files.is_empty() && self.swig_cxx_files.is_empty())
    }
    /// Its Go files that import "C".
    pub fn cgo_files(&self) -> &[String] {
        &self.cgo_files
    }
    /// Sources that are compiled as C++. What is in SWIG's files is for either compiler.
    pub fn cxx_files(&self) -> impl Iterator<Item = &str> {
        [&self.cxx_files, &self.swig_cxx_files]
            .into_iter()
            .flatten()
            .map(String::as_str)
    }
    /// Other sources that may include files.
    pub fn including_files(&self) -> impl Iterator<Item = &str> {
        [
            &self.c_files,
            &self.m_files,
            &self.f_files,
            &self.s_files,
            &self.h_files,
            &self.swig_files,
        ]
        .into_iter()
        .flatten()
        .map(String::as_str)
    }

    /// The `//go:embed` patterns, relative to `dir`.
    pub fn embed_patterns(&self, tests: WithTests) -> impl Iterator<Item = &str> {
        let of_tests = [&self.test_embed_patterns, &self.x_test_embed_patterns];
        let of_tests = of_tests
            .into_iter()
            .filter(move |_| tests == WithTests::Yes);
        [&self.embed_patterns]
            .into_iter()
            .chain(of_tests)
            .flatten()
            .map(String::as_str)
    }
}

impl Module {
    /// Whether its files are the user's own: the main module, one of the workspace, or one replaced by a directory.
    pub fn is_local(&self) -> bool {
        self.main
            || self
                .replace
                .as_ref()
                .is_some_and(|by| by.version.is_empty())
    }
    /// Go names no directory for a module that it takes from `vendor/`.
    pub fn is_vendored(&self) -> bool {
        self.dir.is_empty() && !self.is_local()
    }
    /// `path@version`, with what replaces it.
    pub fn identity(&self) -> String {
        let own = format!("{}@{}", self.path, self.version);
        match &self.replace {
            Some(by) => format!("{own} => {}@{}", by.path, by.version),
            None => own,
        }
    }
}

impl PackageError {
    pub fn text(&self) -> String {
        if self.pos.is_empty() {
            self.err.clone()
        } else {
            format!("{}: {}", self.pos, self.err)
        }
    }
}
