// What was found on this device: recordings that were not sent, to listen to, send or delete.
import { end } from "./sending.js";
import { clock, moment, part, says } from "./page.js";

export class KeptView {
  /** @param send is given a recording that somebody wants sent */
  constructor(shelf, send) {
    Object.assign(this, { shelf, send, addresses: [] });
  }

  async show(recordings) {
    this.addresses.splice(0).forEach((address) => URL.revokeObjectURL(address));
    part("kept-list").replaceChildren(...(await Promise.all(recordings.map((each) => this.#one(each)))));
    part("kept").hidden = recordings.length === 0;
  }

  async #one(recording) {
    const one = part("kept-one").content.cloneNode(true).firstElementChild;
    const player = document.createElement(recording.type.startsWith("video") ? "video" : "audio");
    const address = URL.createObjectURL((await this.shelf.fileOf(recording)) ?? new Blob());
    this.addresses.push(address);
    Object.assign(player, { controls: true, playsInline: true, src: address, className: "cr-player" });
    const name = says("recorded-at", { moment: moment(recording.begunAt) });
    player.setAttribute("aria-label", name);
    part("kept-name", one).textContent = `${name} · ${clock(recording.seconds)}`;
    part("kept-player", one).append(player);
    part("kept-loose", one).hidden = !recording.isLoose;
    part("kept-send", one).onclick = () => this.send(recording);
    part("kept-delete", one).onclick = async () => {
      if (!window.confirm(says("sure"))) return;
      const isGone = await this.shelf.remove(recording);
      part("kept-status").textContent = says(isGone ? "deleted" : "not-reached");
      if (!isGone) return;
      if (recording.url) end(recording.url);
      one.remove();
    };
    return one;
  }
}
