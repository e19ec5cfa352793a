//! What the control side wants of a thread, done.

use ringline_media::{Event, Now, PromptPlan};

use super::moving::Leaving;
use super::{Worker, SLOT_MS};
use crate::command::{Command, LegCommand, PromptCommand, RoomCommand};
use crate::host::command_prompts;
use crate::sys::wall_us;

impl Worker {
    /// Do what a command says; false ends the thread.
    pub(super) fn handle(&mut self, command: Command, slot: u64) -> bool {
        match command {
            Command::Adopt { host, phase } => {
                let index = self.make_room(None, phase);
                self.settle(host, index);
            }
            Command::Expect { leg } => {
                // Expected already: it comes, goes on, and comes again.
                self.expected.entry(leg).and_modify(|waiting| waiting.push(LegCommand::Await)).or_default();
            }
            Command::Arrive { host, room, phase } => {
                let leg = host.id();
                // A room that leaves may be expected back already; this leg is for before.
                let awaited = self.leaving.iter().any(|leaving| leaving.room == room && leaving.awaited.contains(&leg));
                if let Some(waiting) = self.expected_rooms.get_mut(&room).filter(|_| !awaited) {
                    waiting.push(Command::Arrive { host, room, phase });
                    return true;
                }
                let index = self.room_named(room, phase);
                self.settle(host, index);
                self.catch_up(leg, slot);
            }
            Command::Vanished { leg } => self.catch_up(leg, slot),
            Command::Leg { leg, what } => match self.expected.get_mut(&leg) {
                Some(waiting) => waiting.push(what),
                None => self.command_leg(leg, what, slot),
            },
            Command::ExpectRoom { room, legs } => {
                self.expected_rooms.entry(room).or_default();
                for leg in legs {
                    self.expected.entry(leg).and_modify(|waiting| waiting.push(LegCommand::Await)).or_default();
                }
            }
            Command::MoveRoom { room, thread, legs } => {
                let awaited = legs.iter().copied().filter(|leg| self.expected.contains_key(leg)).collect();
                self.leaving.push(Leaving { room, thread, legs, awaited });
                self.send_rooms();
            }
            Command::ArriveRoom { name, room, legs } => return self.receive_room(name, room, legs, slot),
            Command::Room { room, phase, what } => match self.expected_rooms.get_mut(&room) {
                Some(waiting) => waiting.push(Command::Room { room, phase, what }),
                None => self.command_room(room, phase, what),
            },
            Command::Shutdown => return false,
        }
        true
    }

    pub(super) fn command_leg(&mut self, leg: u64, what: LegCommand, slot: u64) {
        let Some(index) = self.place.get(&leg).copied() else {
            return self.refuse(leg, what);
        };
        match what {
            LegCommand::Close => {
                if let Some(mut host) = self.take_leg(leg) {
                    host.say_goodbye(Now { ms: slot * SLOT_MS, wall_us: wall_us() }, &self.stats);
                    host.end(&mut self.events);
                }
            }
            LegCommand::Enter { room, .. } if self.expected_rooms.contains_key(&room) => {
                self.expected.entry(leg).or_default();
                self.expected_rooms.entry(room).or_default().push(Command::Leg { leg, what });
            }
            LegCommand::Enter { room, phase } => {
                // The room first: taking the leg may close the one it leaves, which may be the same.
                let target = self.room_named(room, phase);
                if target != index {
                    if let Some(host) = self.take_leg(leg) {
                        self.settle(host, target);
                    }
                }
            }
            LegCommand::Leave => {
                let phase = self.rooms[index].as_ref().map_or(0, |room| room.phase);
                if let Some(host) = self.take_leg(leg) {
                    let alone = self.make_room(None, phase);
                    self.settle(host, alone);
                }
            }
            LegCommand::Move { thread, room, phase } => {
                if let Some(host) = self.take_leg(leg) {
                    // The other thread ends only after this one's peers do, at shutdown.
                    let _ = self.peers[thread].send(Command::Arrive { host, room, phase });
                }
            }
            other => self.command_media(leg, index, other, slot),
        }
    }

    pub(super) fn command_media(&mut self, leg: u64, index: usize, what: LegCommand, slot: u64) {
        let events = &mut self.events;
        let Some(room) = self.rooms[index].as_mut() else { return };
        if matches!(what, LegCommand::Configure(_)) {
            room.look_again();
        }
        let Some(host) = room.leg(leg) else { return };
        let what = match what {
            LegCommand::Configure(plan) => return host.configure(&plan, slot * SLOT_MS),
            LegCommand::Renew(web) => return host.renew(web, events),
            LegCommand::Restart(ours) => return host.restart(*ours),
            LegCommand::Join { remote, candidates } => return host.join(*remote, &candidates),
            LegCommand::AddCandidate(line) => return host.add_candidate(&line),
            other => other,
        };
        host.contained(|leg| match what {
            LegCommand::Prompt(prompt) => {
                if matches!(prompt, PromptCommand::Stop { .. }) {
                    leg.expect_jump();
                }
                command_prompts(leg.prompts(), prompt, events);
            }
            LegCommand::SendKeys { keys, digits } => leg.order_keys(keys, &digits),
            LegCommand::WatchSilence { watch, milliseconds } => leg.watch_silence(watch, milliseconds),
            LegCommand::Observe(observer) => leg.observe(*observer),
            LegCommand::Unwatch { watch } => leg.unwatch(watch),
            LegCommand::Close
            | LegCommand::Configure(_)
            | LegCommand::Renew(_)
            | LegCommand::Restart(_)
            | LegCommand::Join { .. }
            | LegCommand::AddCandidate(_)
            | LegCommand::Enter { .. }
            | LegCommand::Leave
            | LegCommand::Await
            | LegCommand::Move { .. } => {}
        });
    }

    /// A command for a leg that is not here: it failed, or was closed on its way.
    pub(super) fn refuse(&mut self, leg: u64, what: LegCommand) {
        match what {
            LegCommand::Prompt(PromptCommand::Play(PromptPlan { id: play, .. })) => {
                self.events.push(Event::PlaybackFinished { play, played_ms: 0, stopped: true });
            }
            LegCommand::Move { thread, .. } => {
                let _ = self.peers[thread].send(Command::Vanished { leg });
            }
            _ => {}
        }
    }

    pub(super) fn command_room(&mut self, name: u64, phase: u64, what: RoomCommand) {
        let index = self.room_named(name, phase);
        if let Some(room) = &mut self.rooms[index] {
            match what {
                RoomCommand::Arrange(arrangement) => room.arrange(arrangement),
                RoomCommand::Dissolve => {
                    room.expect_jump();
                    room.dissolve(&mut self.events);
                }
                RoomCommand::Prompt(prompt) => {
                    if matches!(prompt, PromptCommand::Stop { .. }) {
                        room.expect_jump();
                    }
                    command_prompts(&mut room.prompts, prompt, &mut self.events);
                }
                RoomCommand::Record(tap) => room.record(tap),
                RoomCommand::PauseTap { tap, paused } => room.pause_tap(tap, paused),
                RoomCommand::SweepTaps => room.sweep_taps(),
            }
        }
        self.close_if_over(index);
    }
}
