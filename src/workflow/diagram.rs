use std::fmt::Write as _;
use std::str::FromStr;

use super::{Grant, Step, Workflow};

/// How a workflow is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Mermaid,
    Dot,
}

impl FromStr for Format {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "mermaid" | "mmd" => Ok(Format::Mermaid),
            "dot" => Ok(Format::Dot),
            _ => Err("must be mermaid or dot"),
        }
    }
}

/// What kind of place a step is to somebody who looks at the drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Waiting,
    Automatic,
    Route,
    Success,
    Nothing,
}

impl Workflow {
    /// The workflow as a drawing: the same text for the same file, with waiting steps, automatic ones, routes and ends
    /// told apart, and dashed edges for what a client may ask for beside answering.
    pub fn draw(&self, format: Format) -> String {
        match format {
            Format::Mermaid => mermaid(self),
            Format::Dot => dot(self),
        }
    }
}

fn look(step: &Step) -> Look {
    match step {
        Step::Wait(_) => Look::Waiting,
        Step::Auto(_) => Look::Automatic,
        Step::Route(_) => Look::Route,
        Step::End(end) if end.grants == Grant::Nothing => Look::Nothing,
        Step::End(_) => Look::Success,
    }
}

/// The lines inside a step's shape.
fn lines(name: &str, step: &Step) -> Vec<String> {
    let mut lines = vec![name.to_owned()];
    match step {
        Step::Wait(wait) => {
            lines.push(wait.ask.spelling().to_string());
            if wait.shows != name {
                lines.push(format!("shows {}", wait.shows));
            }
        }
        Step::Auto(auto) => lines.push(auto.action.spelling().to_string()),
        Step::Route(route) => lines.push(format!("{}?", route.by)),
        Step::End(end) => lines.push(format!("grants {}", end.grants.as_str())),
    }
    lines
}

fn is_aside(edge: &str) -> bool {
    matches!(edge, "resend" | "switch")
}

fn mermaid(workflow: &Workflow) -> String {
    let mut text = format!("%% Drawn from {}.toml; do not edit.\nflowchart TD\n", workflow.name);
    for (name, step) in &workflow.steps {
        let (open, close, class) = match look(step) {
            Look::Waiting => ("(", ")", "waiting"),
            Look::Automatic => ("[[", "]]", "automatic"),
            Look::Route => ("{{", "}}", "route"),
            Look::Success => ("([", "])", "success"),
            Look::Nothing => ("([", "])", "nothing"),
        };
        let label: Vec<String> = lines(name, step).iter().map(|line| mermaid_text(line)).collect();
        let _ = writeln!(text, "    s_{name}{open}\"{}\"{close}:::{class}", label.join("<br/>"));
    }
    let _ = writeln!(text, "    begin((\"start\")) --> s_{}", workflow.start);
    let _ = writeln!(text, "    quit((\"cancel\")) -.-> s_{}", workflow.cancel);
    for (name, step) in &workflow.steps {
        for (edge, to) in step.edges() {
            let (left, right) = if is_aside(edge) { ("-.", ".->") } else { ("--", "-->") };
            let _ = writeln!(text, "    s_{name} {left} {edge} {right} s_{to}");
        }
    }
    text.push_str(
        "    classDef waiting fill:#dbeafe,stroke:#1d4ed8,color:#111\n    \
         classDef automatic fill:#f3f4f6,stroke:#6b7280,color:#111\n    \
         classDef route fill:#fef9c3,stroke:#a16207,color:#111\n    \
         classDef success fill:#dcfce7,stroke:#15803d,color:#111\n    \
         classDef nothing fill:#fee2e2,stroke:#b91c1c,color:#111\n",
    );
    text
}

/// Text that may have been written by an operator, so that it stays text.
fn mermaid_text(text: &str) -> String {
    let entity = |c: char| match c {
        c if c.is_control() => " ".to_owned(),
        '#' | '"' | '<' | '>' | '&' | '`' | '%' => format!("#{};", u32::from(c)),
        c => c.to_string(),
    };
    text.chars().map(entity).collect()
}

fn dot(workflow: &Workflow) -> String {
    let mut text = format!("// Drawn from {}.toml; do not edit.\ndigraph \"{}\" {{\n", workflow.name, workflow.name);
    text.push_str("    node [fontname=\"sans-serif\", style=\"filled\"];\n    edge [fontname=\"sans-serif\"];\n");
    for (name, step) in &workflow.steps {
        let look = match look(step) {
            Look::Waiting => "shape=box, style=\"filled,rounded\", fillcolor=\"#dbeafe\"",
            Look::Automatic => "shape=component, fillcolor=\"#f3f4f6\"",
            Look::Route => "shape=hexagon, fillcolor=\"#fef9c3\"",
            Look::Success => "shape=oval, peripheries=2, fillcolor=\"#dcfce7\"",
            Look::Nothing => "shape=oval, fillcolor=\"#fee2e2\"",
        };
        let label: Vec<String> = lines(name, step).iter().map(|line| dot_text(line)).collect();
        let _ = writeln!(text, "    \"{name}\" [label=\"{}\", {look}];", label.join("\\n"));
    }
    let _ = writeln!(text, "    \"-start\" [label=\"start\", shape=circle, fillcolor=white];");
    let _ = writeln!(text, "    \"-start\" -> \"{}\";", workflow.start);
    let _ = writeln!(text, "    \"-cancel\" [label=\"cancel\", shape=circle, fillcolor=white];");
    let _ = writeln!(text, "    \"-cancel\" -> \"{}\" [style=dashed];", workflow.cancel);
    for (name, step) in &workflow.steps {
        for (edge, to) in step.edges() {
            let style = if is_aside(edge) { ", style=dashed" } else { "" };
            let _ = writeln!(text, "    \"{name}\" -> \"{to}\" [label=\"{edge}\"{style}];");
        }
    }
    text.push_str("}\n");
    text
}

fn dot_text(text: &str) -> String {
    let escaped = |c: char| match c {
        c if c.is_control() => " ".to_owned(),
        '"' | '\\' => format!("\\{c}"),
        c => c.to_string(),
    };
    text.chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_operator_wrote_stays_text() {
        assert_eq!(mermaid_text("a\"<b>\n#"), "a#34;#60;b#62; #35;");
        assert_eq!(dot_text("a\"\\n\n"), "a\\\"\\\\n ");
    }
}
