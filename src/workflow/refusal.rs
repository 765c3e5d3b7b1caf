use std::fmt;

/// Why a workflow file is not served, and what would change that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The file's name, such as `signin.toml`.
    pub file: String,
    /// The step at fault; `None` when it is the file as a whole.
    pub step: Option<String>,
    /// How a wizard gets to that step, from the start: each step with the edge that is taken out of it.
    pub path: Vec<(String, &'static str)>,
    pub problem: String,
    pub change: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(step) = &self.step {
            write!(f, ", step {step}")?;
        }
        write!(f, ": {}", self.problem)?;
        if !self.path.is_empty() {
            f.write_str("\n  path: ")?;
            for (step, edge) in &self.path {
                write!(f, "{step} -{edge}-> ")?;
            }
            f.write_str(self.step.as_deref().unwrap_or("?"))?;
        }
        write!(f, "\n  change: {}", self.change)
    }
}

/// The refusals of one file, in the order in which they were found.
#[derive(Debug)]
pub(super) struct Refusals {
    file: String,
    pub(super) found: Vec<Refusal>,
}

impl Refusals {
    pub(super) fn of(file: &str) -> Self {
        Refusals { file: file.to_owned(), found: Vec::new() }
    }

    /// Something about the file as a whole.
    pub(super) fn file(&mut self, problem: impl Into<String>, change: impl Into<String>) {
        self.push(None, Vec::new(), problem.into(), change.into());
    }

    pub(super) fn step(&mut self, step: &str, problem: impl Into<String>, change: impl Into<String>) {
        self.push(Some(step), Vec::new(), problem.into(), change.into());
    }

    pub(super) fn path(
        &mut self,
        step: &str,
        path: Vec<(String, &'static str)>,
        problem: impl Into<String>,
        change: impl Into<String>,
    ) {
        self.push(Some(step), path, problem.into(), change.into());
    }

    fn push(&mut self, step: Option<&str>, path: Vec<(String, &'static str)>, problem: String, change: String) {
        self.found.push(Refusal { file: self.file.clone(), step: step.map(str::to_owned), path, problem, change });
    }
}

/// `a`, `a or b`, `a, b or c`.
pub(super) fn any_of<S: AsRef<str>>(words: &[S]) -> String {
    match words {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [head @ .., last] => {
            let head: Vec<&str> = head.iter().map(AsRef::as_ref).collect();
            format!("{} or {}", head.join(", "), last.as_ref())
        }
    }
}
