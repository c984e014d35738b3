//! The graph that a document draws: where a run goes on, what it can reach, where it can go round.

use std::collections::{HashMap, HashSet};

use super::{
    descriptor::{Otherwise, StepDescriptor},
    model::{Document, Goto, Step},
};

/// Where a run goes on after a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// At the step of this id.
    Step(String),
    /// The run ends as completed.
    End,
    /// The run ends as failed.
    Fail,
}

impl From<&Goto> for Target {
    fn from(goto: &Goto) -> Self {
        match goto {
            Goto::Step(id) => Self::Step(id.clone()),
            Goto::End => Self::End,
        }
    }
}

impl Document {
    /// Where a run goes on that leaves `step` by `branch`.
    ///
    /// What the document maps comes first; then the branch's `otherwise`. A branch from the settings
    /// that is not mapped goes on to the next step. A branch that the step does not have, and a step
    /// that the document does not have, fail.
    #[must_use]
    pub fn target(&self, step: &str, branch: &str, descriptor: &StepDescriptor) -> Target {
        let Some(step) = self.step(step) else {
            return Target::Fail;
        };
        let mut branch = branch.to_owned();
        // `otherwise` leads from branch to branch; a descriptor that goes in circles was refused,
        // and is stopped here all the same.
        for _ in 0..=descriptor.branches.len() + 2 {
            if let Some(goto) = step.branch(&branch) {
                return goto.into();
            }
            match descriptor.otherwise(&branch) {
                Some(Otherwise::Next) => return self.following(&step.id),
                Some(Otherwise::End) => return Target::End,
                Some(Otherwise::Fail) => return Target::Fail,
                Some(Otherwise::Branch(other)) => branch = other,
                None if descriptor
                    .branches_in(&step.with)
                    .contains(&branch.as_str()) =>
                {
                    return self.following(&step.id);
                }
                None => return Target::Fail,
            }
        }
        Target::Fail
    }

    /// Where a run goes on that passes `step` by: because its `when` does not hold, or because a
    /// branch says so. The step's `next`, or the following step in the document, or the end.
    #[must_use]
    pub fn following(&self, step: &str) -> Target {
        self.next(step)
            .map_or(Target::End, |id| Target::Step(id.to_owned()))
    }

    /// The id of that step; none where the run ends.
    fn next(&self, step: &str) -> Option<&str> {
        let index = self.steps.iter().position(|other| other.id == step)?;
        match &self.steps[index].next {
            Some(Goto::Step(id)) => Some(id),
            Some(Goto::End) => None,
            None => self.steps.get(index + 1).map(|step| step.id.as_str()),
        }
    }

    /// The steps to which a run can go from `step`. Where the plugin is not known, the following
    /// step counts too. `jumps` are those that the settings name (`x-jackfield-ref: step`).
    pub(super) fn edges(
        &self,
        step: &Step,
        descriptor: Option<&StepDescriptor>,
        jumps: &[String],
    ) -> HashSet<String> {
        let mut targets: Vec<Target> = step.branches.iter().map(|(_, goto)| goto.into()).collect();
        match descriptor {
            Some(descriptor) => {
                let mut names = descriptor.fixed_branches();
                names.extend(
                    descriptor
                        .branches_in(&step.with)
                        .into_iter()
                        .map(str::to_owned),
                );
                targets.extend(
                    names
                        .iter()
                        .map(|name| self.target(&step.id, name, descriptor)),
                );
            }
            None => targets.push(self.following(&step.id)),
        }
        if step.when.is_some() {
            targets.push(self.following(&step.id));
        }
        let targets = targets.into_iter().filter_map(|target| match target {
            Target::Step(id) => Some(id),
            Target::End | Target::Fail => None,
        });
        targets.chain(jumps.iter().cloned()).collect()
    }
}

/// The steps that no run reaches, in the order of `ids`; the first one is where runs start.
pub(super) fn unreachable<'a>(
    ids: &[&'a str],
    edges: &HashMap<&str, HashSet<String>>,
) -> Vec<&'a str> {
    let mut reached: HashSet<&str> = HashSet::new();
    let mut queue: Vec<&str> = ids.first().copied().into_iter().collect();
    while let Some(id) = queue.pop() {
        if reached.insert(id) {
            queue.extend(edges.get(id).into_iter().flatten().map(String::as_str));
        }
    }
    ids.iter()
        .copied()
        .filter(|id| !reached.contains(id))
        .collect()
}

/// A loop among the steps for which `spins` holds, if there is one: their ids in the order of the
/// loop. Steps that wait or bound the loop themselves are no part of one that spins.
pub(super) fn spinning_loop<'a>(
    ids: &[&'a str],
    edges: &HashMap<&str, HashSet<String>>,
    spins: impl Fn(&str) -> bool,
) -> Option<Vec<&'a str>> {
    // Steps with no way on are taken away until none is left, or only loops and what leads to them.
    let mut left: Vec<&'a str> = ids.iter().copied().filter(|id| spins(id)).collect();
    loop {
        let stays = |id: &&str| {
            edges
                .get(*id)
                .is_some_and(|to| left.iter().any(|other| to.contains(*other)))
        };
        let kept: Vec<&'a str> = left.iter().copied().filter(stays).collect();
        if kept.len() == left.len() {
            break;
        }
        left = kept;
    }
    // From any of them one can walk on for ever, so the walk meets a step twice.
    let mut walk: Vec<&'a str> = vec![left.first().copied()?];
    loop {
        let last = walk.last()?;
        let to = edges.get(last)?;
        let next = left.iter().copied().find(|id| to.contains(*id))?;
        if let Some(start) = walk.iter().position(|id| *id == next) {
            return Some(walk.split_off(start));
        }
        walk.push(next);
    }
}
