//! The target `engine`: bytes become events, which drive three phones and a server made of the same decisions. What the
//! events are is `event`; what happens then, and what must hold after each, is `world`.

mod event;
mod rogue;
mod shell;
mod world;

use arbitrary::Unstructured;

use event::Event;
use world::World;

/// More events than a story needs to go wrong, and few enough for thousands of stories a second.
const EVENTS_MAX: usize = 48;

/// Plays the events that `data` stands for, and lets the world come to rest.
pub fn engine(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let mut world = World::new();
    for _ in 0..EVENTS_MAX {
        let Ok(event) = Event::read(&mut input) else { break };
        world.happen(event);
        if input.is_empty() {
            break;
        }
    }
    world.come_to_rest();
}
