//! Checks a document for a workspace: when it is published, and for `jackfield workflow validate`.

use std::collections::{HashMap, HashSet};

use super::{
    StepDescriptor,
    catalogue::Catalogue,
    fits, graph, is_name,
    model::{Document, Step},
    problem::{Problem, join, nearest, one_of},
    references::References,
    to_name,
    trigger::{Own, Received, Schedule},
};
use crate::{
    conditions::Condition,
    variables::{Template, noted_of, said_of},
};

impl Document {
    /// Every problem that the document has in a workspace, in the order of its text where that is
    /// known: plugins, settings, channels and templates, branches, variables, unreachable steps and
    /// loops without a bound.
    #[must_use]
    pub fn check(&self, catalogue: &dyn Catalogue) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut descriptors: HashMap<&str, StepDescriptor> = HashMap::new();
        for step in &self.steps {
            match catalogue.step(&step.uses.name, step.uses.major) {
                Some(descriptor) => drop(descriptors.insert(&step.id, descriptor)),
                None => problems.push(unknown_plugin(step, catalogue)),
            }
        }
        let references = References::new(self, &descriptors, catalogue);
        for (index, trigger) in self.triggers.iter().enumerate() {
            let path = match self.triggers.len() {
                // Where the text has a list of one, the nearest mark is that of the list.
                1 => "/trigger/when".to_owned(),
                _ => format!("/triggers/{index}/when"),
            };
            if let Some(when) = &trigger.when {
                references.condition(when, &path, &mut problems);
            }
            if let Some(when) = &trigger.when {
                problems.extend(unknown_fields(when, &path, catalogue));
            }
            if let Own::Schedule(Schedule {
                list: Some(list), ..
            }) = &trigger.own
            {
                let path = path.replace("/when", "/for/list");
                problems.extend(unknown_list(list, &path, catalogue));
            }
            if let Own::Webhook(webhook) = &trigger.own
                && let Some(signature) = &webhook.signature
            {
                let path = path.replace("/when", "/signature/secret");
                problems.extend(unknown_secret(&signature.secret, &path, catalogue));
            }
            if let Own::Received(received) = &trigger.own {
                let path = path.trim_end_matches("/when");
                self.check_received(received, path, catalogue, &mut problems);
            }
        }
        self.check_calendars(catalogue, &mut problems);
        let mut jumps: HashMap<&str, Vec<String>> = HashMap::new();
        for step in &self.steps {
            let path = join("/steps", &step.id);
            let descriptor = descriptors.get(step.id.as_str());
            if let Some(when) = &step.when {
                references.condition(when, &join(&path, "when"), &mut problems);
            }
            let with = join(&path, "with");
            references.settings(&step.with, descriptor, &with, &mut problems);
            if let Some(descriptor) = descriptor {
                let found = descriptor.check_settings(&step.with, true);
                problems.extend(found.into_iter().map(|problem| problem.below(&with)));
                conditions(step, descriptor, &references, &with, &mut problems);
                fits::field_kinds(step, descriptor, catalogue, &with, &mut problems);
                let steps = self.names(step, descriptor, catalogue, &with, &mut problems);
                jumps.insert(&step.id, steps);
                branches(step, descriptor, &path, &mut problems);
            }
        }
        self.check_graph(&descriptors, &jumps, &mut problems);
        self.check_starts(&descriptors, catalogue, &mut problems);
        self.check_places(&mut problems);
        self.marks.locate(&mut problems);
        // A stable order; problems without a line keep the one in which they were found.
        problems.sort_by_key(|problem| (problem.line, problem.column));
        problems.dedup();
        problems
    }

    /// Places of a template that nobody has filled in yet; what else is wrong with them is not told.
    fn check_places(&self, problems: &mut Vec<Problem>) {
        for (path, what) in self.marks.places() {
            problems.retain(|problem| problem.path != path);
            let what = match what {
                "" => String::new(),
                what => format!(": {what}"),
            };
            let message = format!("this is yet to be filled in{what}");
            problems.push(Problem::error("fill-in", path, message));
        }
    }

    /// Calendars that do not exist.
    fn check_calendars(&self, catalogue: &dyn Catalogue, problems: &mut Vec<Problem>) {
        let Some(known) = catalogue.calendars() else {
            return;
        };
        let mut unknown = |part: &serde_json::Value, path: String| {
            for name in crate::workflows::calendars_in(part) {
                if known.contains(&name) {
                    continue;
                }
                let message = format!("there is no calendar `{name}`");
                let problem = Problem::error("unknown-calendar", path.clone(), message);
                let near = nearest(&name, known.iter().map(String::as_str));
                problems.push(problem.suggest(near));
            }
        };
        for (index, trigger) in self.triggers.iter().enumerate() {
            let path = match self.triggers.len() {
                1 => "/trigger".to_owned(),
                _ => format!("/triggers/{index}"),
            };
            if let Some(when) = &trigger.when {
                unknown(&when.to_json(), path);
            }
        }
        for step in &self.steps {
            let path = join("/steps", &step.id);
            if let Some(when) = &step.when {
                unknown(&when.to_json(), join(&path, "when"));
            }
            unknown(&step.with, join(&path, "with"));
        }
    }

    /// Channels among the numbers that do not exist, and keywords that start another workflow too.
    fn check_received(
        &self,
        received: &Received,
        path: &str,
        catalogue: &dyn Catalogue,
        problems: &mut Vec<Problem>,
    ) {
        if let Some(channels) = catalogue.channels() {
            let names = || channels.iter().map(String::as_str);
            for number in received.numbers.iter().filter(|number| is_name(number)) {
                if !names().any(|name| name == number) {
                    let message = format!("there is no channel `{number}`");
                    problems.push(
                        Problem::error("unknown-channel", join(path, "numbers"), message)
                            .suggest(nearest(number, names())),
                    );
                }
            }
        }
        for other in catalogue.workflows().unwrap_or_default() {
            if other.name == self.name {
                continue;
            }
            let shared = other
                .hears
                .iter()
                .find_map(|hears| received.conflict(hears));
            if let Some(keyword) = shared {
                let message = format!(
                    "{keyword} starts the workflow `{}` too, on the same number at the same time: \
                     with `stop-after-match` only the one of lower priority number starts",
                    other.name
                );
                let path = join(path, "match");
                problems.push(Problem::warning("keyword-conflict", path, message));
            }
        }
    }

    /// Checks what the settings name (`x-jackfield-ref`), and answers with the steps among it.
    fn names(
        &self,
        step: &Step,
        descriptor: &StepDescriptor,
        catalogue: &dyn Catalogue,
        with: &str,
        problems: &mut Vec<Problem>,
    ) -> Vec<String> {
        let mut jumps = Vec::new();
        for (at, part, kind) in said_of(&step.with, &descriptor.settings, "x-jackfield-ref") {
            let Some(text) = part.as_str() else { continue };
            if Template::parse(text).variables().next().is_some() {
                continue;
            }
            let known: Option<Vec<String>> = match kind {
                "channel" => catalogue.channels(),
                "template" => catalogue.templates(),
                "contact-field" => catalogue.contact_fields().map(|mut fields| {
                    let standard = super::events::contact_fields();
                    fields.extend(standard.map(|field| field.name.to_owned()));
                    fields
                }),
                "list" => catalogue.lists(),
                "table" => catalogue.tables(),
                "team" => catalogue.teams(),
                "workflow" => catalogue.workflows().map(|all| {
                    let startable = all.into_iter().filter(|one| one.manual);
                    startable.map(|one| one.name).collect()
                }),
                "step" => Some(self.steps.iter().map(|step| step.id.clone()).collect()),
                _ => None,
            };
            let Some(known) = known else { continue };
            // The channel of the contact's last message has a name of its own.
            if known.iter().any(|name| name == text)
                || (kind == "channel" && text == "last-interacted")
            {
                if kind == "step" {
                    jumps.push(text.to_owned());
                }
                continue;
            }
            let names = || known.iter().map(String::as_str);
            let (what, code) = match kind {
                "channel" => ("channel", "unknown-channel"),
                "template" => ("template", "unknown-template"),
                "step" => ("step", "dangling-target"),
                "list" => ("list", "unknown-list"),
                "table" => ("table", "unknown-table"),
                "team" => ("team", "unknown-team"),
                "workflow" if text == self.name => {
                    // Told as a loop.
                    continue;
                }
                "workflow" => (
                    "published workflow with the trigger `manual` called",
                    "unknown-workflow",
                ),
                _ => ("field of contacts", "unknown-field"),
            };
            let there = if known.is_empty() || known.len() > 20 {
                String::new()
            } else {
                format!("; there is {}", one_of(names()).replace(" or ", " and "))
            };
            let message = format!("there is no {what} `{text}`{there}");
            let near = nearest(text, names());
            problems.push(Problem::error(code, format!("{with}{at}"), message).suggest(near));
        }
        jumps
    }

    /// The workflows that steps start, with the place in the settings where each is named.
    fn named_workflows<'a>(
        &'a self,
        descriptor: impl Fn(&str) -> Option<&'a StepDescriptor>,
    ) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for step in &self.steps {
            let Some(descriptor) = descriptor(&step.id) else {
                continue;
            };
            let with = join(&join("/steps", &step.id), "with");
            for (at, part, kind) in said_of(&step.with, &descriptor.settings, "x-jackfield-ref") {
                if kind == "workflow"
                    && let Some(name) = part.as_str()
                {
                    found.push((format!("{with}{at}"), name.to_owned()));
                }
            }
        }
        found
    }

    /// The names of the workflows that its steps start.
    #[must_use]
    pub fn starts<'a>(
        &'a self,
        descriptor: impl Fn(&str) -> Option<&'a StepDescriptor>,
    ) -> Vec<String> {
        let named = self.named_workflows(descriptor).into_iter();
        named.map(|(_, name)| name).collect()
    }

    /// Workflows that start one another in a circle would never end.
    fn check_starts(
        &self,
        descriptors: &HashMap<&str, StepDescriptor>,
        catalogue: &dyn Catalogue,
        problems: &mut Vec<Problem>,
    ) {
        let others = catalogue.workflows().unwrap_or_default();
        for (path, name) in self.named_workflows(|id| descriptors.get(id)) {
            let mut ways: Vec<Vec<&str>> = vec![vec![&name]];
            let mut seen = HashSet::new();
            while let Some(way) = ways.pop() {
                let Some(last) = way.last().copied() else {
                    continue;
                };
                if last == self.name {
                    let circle = way.join(" → ");
                    problems.push(Problem::error(
                        "workflow-loop",
                        path.clone(),
                        format!(
                            "these workflows start one another in a circle: {} → {circle}",
                            self.name
                        ),
                    ));
                    break;
                }
                if seen.insert(last)
                    && let Some(other) = others.iter().find(|other| other.name == last)
                {
                    for next in &other.starts {
                        let mut further = way.clone();
                        further.push(next);
                        ways.push(further);
                    }
                }
            }
        }
    }

    fn check_graph(
        &self,
        descriptors: &HashMap<&str, StepDescriptor>,
        jumps: &HashMap<&str, Vec<String>>,
        problems: &mut Vec<Problem>,
    ) {
        let ids: Vec<&str> = self.steps.iter().map(|step| step.id.as_str()).collect();
        let edges: HashMap<&str, HashSet<String>> = self
            .steps
            .iter()
            .map(|step| {
                let id = step.id.as_str();
                let jumps = jumps.get(id).map(Vec::as_slice).unwrap_or_default();
                (id, self.edges(step, descriptors.get(id), jumps))
            })
            .collect();
        for id in graph::unreachable(&ids, &edges) {
            let message = format!(
                "no run reaches the step `{id}`: name it in a `next` or in `branches`, or take it out"
            );
            problems.push(Problem::error(
                "unreachable-step",
                join("/steps", id),
                message,
            ));
        }
        // A plugin that is not known has been told already; it may well wait.
        let spins = |id: &str| {
            descriptors
                .get(id)
                .is_some_and(|descriptor| !descriptor.waits && !descriptor.bounds_loops)
        };
        if let Some(round) = graph::spinning_loop(&ids, &edges, spins) {
            let way: Vec<String> = round
                .iter()
                .chain(round.first())
                .map(|id| format!("`{id}`"))
                .collect();
            let message = format!(
                "the steps {} can go round for ever without a pause: put a step that waits into \
                 the loop, or take the way back out",
                way.join(" → ")
            );
            let at = join("/steps", round.first().copied().unwrap_or_default());
            problems.push(Problem::error("endless-loop", at, message));
        }
    }
}

fn unknown_list(list: &str, path: &str, catalogue: &dyn Catalogue) -> Option<Problem> {
    let known = catalogue.lists()?;
    if known.iter().any(|name| name == list) {
        return None;
    }
    let near = nearest(list, known.iter().map(String::as_str));
    let message = format!("there is no list `{list}`");
    Some(Problem::error("unknown-list", path, message).suggest(near))
}

/// Fields of contacts that a trigger on their changes names and that do not exist.
fn unknown_fields(when: &Condition, path: &str, catalogue: &dyn Catalogue) -> Vec<Problem> {
    let Some(mut known) = catalogue.contact_fields() else {
        return Vec::new();
    };
    let standard = super::events::contact_fields();
    known.extend(standard.map(|field| field.name.to_owned()));
    let names = || known.iter().map(String::as_str);
    let leaves = when.leaves().into_iter();
    let named = leaves.filter(|(_, leaf)| leaf.field == "field.name" && leaf.operator.name == "is");
    let mut problems = Vec::new();
    for (at, leaf) in named {
        let name = leaf.operand.as_str().unwrap_or_default();
        if !name.contains('$') && !names().any(|one| one == name) {
            let message = format!("contacts have no field `{name}`");
            let problem = Problem::warning("unknown-field", format!("{path}{at}"), message);
            problems.push(problem.suggest(nearest(name, names())));
        }
    }
    problems
}

fn unknown_secret(secret: &str, path: &str, catalogue: &dyn Catalogue) -> Option<Problem> {
    let known = catalogue.secrets()?;
    if known.iter().any(|name| name == secret) {
        return None;
    }
    let near = nearest(secret, known.iter().map(String::as_str));
    let message = format!("there is no secret `{secret}` in the workspace");
    Some(Problem::error("unknown-secret", path, message).suggest(near))
}

fn unknown_plugin(step: &Step, catalogue: &dyn Catalogue) -> Problem {
    let path = join(&join("/steps", &step.id), "uses");
    let names = catalogue.step_names();
    let bare = |name: &str| name.split('@').next().unwrap_or_default().to_owned();
    let majors: Vec<&str> = names
        .iter()
        .filter(|name| bare(name) == step.uses.name)
        .map(String::as_str)
        .collect();
    if let Some(newest) = majors.last() {
        let message = format!(
            "`{}` is not installed in version {}; installed is {}",
            step.uses.name,
            step.uses.major,
            one_of(majors.iter().copied()).replace(" or ", " and ")
        );
        return Problem::error("unknown-plugin", path, message).suggest(Some((*newest).to_owned()));
    }
    let bare_names: Vec<String> = names.iter().map(|name| bare(name)).collect();
    let near = nearest(&step.uses.name, bare_names.iter().map(String::as_str));
    let near = near.and_then(|near| names.iter().find(|name| bare(name) == near).cloned());
    let message = format!("there is no step plugin `{}`", step.uses);
    Problem::error("unknown-plugin", path, message).suggest(near)
}

/// Conditions that stand in the settings (`x-jackfield-ref: condition`), as in a branch step.
fn conditions(
    step: &Step,
    descriptor: &StepDescriptor,
    references: &References<'_>,
    with: &str,
    problems: &mut Vec<Problem>,
) {
    let most = noted_of(&step.with, &descriptor.settings, "x-jackfield-max-tests");
    for (at, part, kind) in said_of(&step.with, &descriptor.settings, "x-jackfield-ref") {
        if kind != "condition" {
            continue;
        }
        let path = format!("{with}{at}");
        match Condition::parse(part) {
            Ok(condition) => {
                references.condition(&condition, &path, problems);
                let most = most.iter().find(|(place, ..)| *place == at);
                if let Some(most) = most.and_then(|(.., most)| most.as_u64()) {
                    fits::tests(&condition, most, &path, problems);
                }
            }
            Err(found) => problems.extend(found.into_iter().map(|problem| problem.below(&path))),
        }
    }
}

/// Branches that are mapped but do not exist, and those from the settings that are not mapped.
fn branches(step: &Step, descriptor: &StepDescriptor, path: &str, problems: &mut Vec<Problem>) {
    let mut known = descriptor.fixed_branches();
    let own = descriptor.branches_in(&step.with);
    known.extend(own.iter().map(|name| (*name).to_owned()));
    for (name, _) in &step.branches {
        if !known.contains(name) {
            let message = format!(
                "`{}` has no branch `{name}`; it has {}",
                descriptor.reference(),
                one_of(known.iter().map(String::as_str)).replace(" or ", " and ")
            );
            let near = nearest(name, known.iter().map(String::as_str));
            let at = join(&join(path, "branches"), name);
            problems.push(Problem::error("unknown-branch", at, message).suggest(near));
        }
    }
    let mut seen: HashSet<&str> = HashSet::new();
    for name in &own {
        // A name with a variable in it cannot be known, and could not be mapped.
        if !super::is_name(name) {
            let message = format!("`{name}` is not a branch: use lower-case words with hyphens");
            problems
                .push(Problem::error("name", join(path, "with"), message).suggest(to_name(name)));
        } else if !seen.insert(name) {
            let message = format!("the branch `{name}` stands in the settings twice");
            problems.push(Problem::error(
                "duplicate-branch",
                join(path, "with"),
                message,
            ));
        } else if step.branch(name).is_none() && descriptor.otherwise(name).is_none() {
            let message = format!(
                "the branch `{name}` goes nowhere of its own, so the run goes on to the next step: \
                 name its step in `branches`"
            );
            problems.push(Problem::warning(
                "unmapped-branch",
                join(path, "with"),
                message,
            ));
        }
    }
}
