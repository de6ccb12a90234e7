// The page that asks for a story's recording: its form for a file sends piece by piece. It works as a form without this.
import { takeFileForm } from "./file-form.js";
import { Shelf } from "./keeping.js";
import { SendingView } from "./sending-view.js";

const [, story] = location.pathname.match(/^\/stories\/([^/]+)\/recording$/);
await takeFileForm(await Shelf.open(), new SendingView(story));
document.documentElement.dataset.fileForm = "ready";
