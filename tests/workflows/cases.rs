//! The folders of files that must load, and of files that must be refused in these very words.

use std::collections::BTreeSet;
use std::fs;

use stepgate::workflow::{Action, Ask, Outcome, Purpose, Question, Workflow, check};

use crate::{expect, root, sources};

#[test]
fn valid_files_load() {
    for (name, source) in sources("tests/workflows/valid") {
        // File names of cases have underscores; those of workflows have hyphens.
        if let Err(refusals) = Workflow::load(&name.replace('_', "-"), &source) {
            let told: Vec<String> = refusals.iter().map(ToString::to_string).collect();
            panic!("{name} is refused:\n{}", told.join("\n"));
        }
    }
}

#[test]
fn invalid_files_are_refused_in_these_words() {
    let cases = sources("tests/workflows/invalid");
    assert!(cases.len() >= 25, "{} cases", cases.len());
    let mut stale = Vec::new();
    for (name, source) in &cases {
        let refusals = Workflow::load(&name.replace('_', "-"), source).expect_err(name);
        let told: Vec<String> = refusals.iter().map(ToString::to_string).collect();
        let path = root().join("tests/workflows/invalid").join(name).with_extension("txt");
        stale.extend(expect(&path, &format!("{}\n", told.join("\n"))).err());
    }
    assert!(stale.is_empty(), "{}", stale.join("\n"));
}

#[test]
fn no_expected_message_is_orphaned() {
    let names = |ending: &str| -> BTreeSet<String> {
        fs::read_dir(root().join("tests/workflows/invalid"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter_map(|name| name.strip_suffix(ending).map(str::to_owned))
            .collect()
    };
    assert_eq!(names(".toml"), names(".txt"));
}

/// The one that matters most, in full.
#[test]
fn an_edge_that_skips_the_second_factor_is_refused_with_its_path() {
    let source = fs::read_to_string(root().join("tests/workflows/invalid/skips_the_second_factor.toml")).unwrap();
    let refusals = Workflow::load("signin.toml", &source).unwrap_err();
    assert_eq!(refusals.len(), 1);
    assert_eq!(refusals[0].step.as_deref(), Some("policy"));
    assert_eq!(refusals[0].path, [("login".to_owned(), "right"), ("second_factor".to_owned(), "google")]);
    assert!(refusals[0].to_string().contains("login -right-> second_factor -google-> policy"));
}

/// The guide knows every word, and quotes the refusal above as it is.
#[test]
fn the_guide_is_up_to_date() {
    let guide = fs::read_to_string(root().join("docs/workflows.md")).unwrap();
    let asks = Ask::ALL.map(|ask| ask.spelling().word).to_vec();
    let actions = Action::ALL.map(|action| action.spelling().word).to_vec();
    let questions = Question::KINDS.map(|question| question.word()).to_vec();
    let outcomes = Outcome::ALL.map(Outcome::as_str).to_vec();
    for word in [asks, actions, questions, outcomes, Purpose::WORDS.to_vec()].concat() {
        assert!(guide.contains(&format!("`{word}`")), "{word}");
    }
    let source = fs::read_to_string(root().join("tests/workflows/invalid/skips_the_second_factor.toml")).unwrap();
    let refusals = Workflow::load("signin.toml", &source).unwrap_err();
    assert!(guide.contains(&refusals[0].to_string()), "{}", refusals[0]);
}

#[test]
fn the_shipped_folder_is_reported_sound() {
    let report = check(&sources("workflows"));
    assert!(report.is_sound(), "{report}");
    assert_eq!(report.sound.len(), 9);
}
