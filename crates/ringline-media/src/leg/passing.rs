//! A leg whose packets go to another as they came, without being decoded.

use super::{Leg, Now};
use crate::event::Event;
use crate::jitter::Forwarded;
use crate::outbound::Emit;
use crate::plan::LegPlan;

impl Leg {
    /// Whether the leg is in a room where its packets may be handed on as they came.
    pub fn set_passing(&mut self, passing: bool) {
        self.inbound.may_pass = passing;
    }

    /// Whether what this leg says can be handed on, packet by packet, to a leg with such a plan: nobody needs it decoded.
    pub fn can_hand_on(&self, to: &LegPlan) -> bool {
        self.watches.is_empty() && self.observers.is_empty() && self.inbound.can_hand_on(to)
    }

    /// Whether packets of another leg can be sent on by this one: it has nothing of its own to send, and no step to
    /// smooth, which would be heard when others have just left.
    pub fn can_take_on(&self) -> bool {
        !self.jumps && self.prompts.is_still() && self.outbound.is_free() && self.observers.is_empty()
    }

    /// Instead of `listen`: give the packets of the next frame to `emit`. Returns the samples that have passed.
    pub fn hand_on(&mut self, now: Now, events: &mut Vec<Event>, emit: impl FnMut(Forwarded<'_>)) -> usize {
        let passed = self.inbound.hand_on(now, events, emit);
        self.hear(now.ms, events);
        passed
    }

    /// Whether this tick's frame was handed on.
    pub fn was_handed_on(&self) -> bool {
        self.inbound.was_handed_on()
    }

    /// Instead of `speak`: send on another leg's packet.
    pub fn take_on(&mut self, packet: Forwarded<'_>, emit: &mut Emit<'_>) {
        let destination = self.inbound.source.destination();
        // When the room must be mixed again, what was heard last tells how to go on without a click.
        self.last_heard = self.outbound.plan().and_then(|plan| plan.codec.last_sample(packet.payload));
        self.outbound.hand_on(packet, destination, emit);
    }

    /// So many samples have passed while packets were sent on.
    pub fn pass(&mut self, samples: usize) {
        self.outbound.pass(samples);
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use super::*;
    use crate::codec::CodecKind;
    use crate::frame::FRAME;
    use crate::outbound::StreamSeed;
    use crate::prompts::Mixed;
    use crate::stats::LegStats;

    #[test]
    fn what_is_mixed_after_a_packet_that_was_handed_on_begins_where_that_ended() {
        for (codec, level) in [(CodecKind::Pcma, Some(3008)), (CodecKind::Pcmu, Some(3004)), (CodecKind::G722, None)] {
            let seed = StreamSeed { ssrc: 1, sequence: 2, timestamp: 3 };
            let mut leg = Leg::new(1, seed, 60_000, Arc::new(LegStats::default()));
            let remote = Some(SocketAddr::from(([192, 0, 2, 1], 4000)));
            leg.configure(&LegPlan { remote, ..LegPlan::new(codec, 8) }, 0);
            leg.set_rate(codec.rate());
            let mut payload = [0; FRAME];
            codec.build().encode(&vec![3000; codec.rate().samples()], &mut payload);
            leg.take_on(Forwarded { payload_type: 8, payload: &payload, offset: 0 }, &mut |_, _, _| ());
            leg.pass(FRAME);
            leg.expect_jump();
            let samples = codec.rate().samples();
            let (mut heard, mut ears) = (vec![-500; samples], vec![0; samples]);
            let mixed = Mixed { sources: 1, amplified: false };
            leg.speak(&mut heard, mixed, None, &mut ears, &mut Vec::new(), &mut |_, _, _| ());
            assert_eq!(ears[0], level.unwrap_or(-500), "{codec:?}");
        }
    }
}
