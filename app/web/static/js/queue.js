// The queue: N takes the next story, and ? says so, as long as keys are on.

import { listen } from "./keys.js";

listen({ nextStory: () => document.getElementById("next-story").requestSubmit() });
