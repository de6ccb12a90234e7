// What is looked for in a page, beside what axe looks for. Run in the page by tests/web; nothing of it is served.
globalThis.looking = (() => {
  const TAB_STOPS =
    "a[href], button, input:not([type=hidden]), select, textarea, summary, audio[controls], video[controls], [tabindex]";
  // Inside these the browser has stops and rings of its own.
  const OF_THE_BROWSER = "audio, video";
  let stops = [];
  let before = [];

  const isShown = (element) => element.checkVisibility({ visibilityProperty: true });

  const nameOf = (element) => {
    const text = element.getAttribute("aria-label") || element.labels?.[0]?.innerText || element.innerText || element.name;
    return `${element.localName}${element.id ? `#${element.id}` : ""} “${(text || "").trim().slice(0, 40)}”`;
  };

  const isStop = (element) =>
    element.tabIndex >= 0 && !element.disabled && isShown(element) && (element.type !== "radio" || isFirstOfItsRadios(element));

  const isFirstOfItsRadios = (radio) => {
    const group = [...document.querySelectorAll("input[type=radio]")].filter(
      (each) => each.name === radio.name && each.form === radio.form && !each.disabled,
    );
    return radio === (group.find((each) => each.checked) || group[0]);
  };

  // What is drawn at an element, its label's box or circle, and around them.
  const drawn = (element) => {
    const label = element.labels?.[0];
    const places = [[element, null], ...(label ? [[label, "::before"], [label, "::after"]] : [])];
    return places.map(([each, part]) => {
      const style = getComputedStyle(each, part);
      const isOutlined = style.outlineStyle !== "none" && style.outlineWidth !== "0px";
      const isClear = /^rgba\(.*, 0\)$|^transparent$/.test(style.outlineColor);
      return {
        ring: isOutlined && !isClear ? `${style.outlineStyle} ${style.outlineWidth} ${style.outlineColor}` : "",
        outline: isOutlined,
        shadow: style.boxShadow,
        ground: style.backgroundColor,
      };
    });
  };

  const changed = (was, is) =>
    is.some((each, n) => (each.ring && each.ring !== was[n].ring) || each.shadow !== was[n].shadow || each.ground !== was[n].ground);

  return {
    openAll() {
      for (const details of document.querySelectorAll("details")) details.open = true;
    },

    about() {
      // A summary of what is wrong stands above the first heading: it is read first.
      const isOfPage = (heading) => isShown(heading) && (heading.matches("h1") || !heading.closest(".govuk-error-summary"));
      const headings = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter(isOfPage);
      return {
        title: document.title,
        language: document.documentElement.lang,
        headings: headings.map((each) => Number(each.localName[1])),
        ids: [...document.querySelectorAll("[id]")].map((each) => each.id),
        moves: document.getAnimations().filter((each) => each.effect.getComputedTiming().duration > 10).length,
      };
    },

    // Drawings that are cut off: without a viewBox they do not shrink with their box.
    cut() {
      const fixed = [...document.querySelectorAll("svg[width]:not([viewBox])")];
      return fixed.filter((each) => each.getBoundingClientRect().width < Number.parseFloat(each.getAttribute("width"))).length;
    },

    // What stands out of the page to the right; nothing if the page is no wider than the window.
    tooWide() {
      const width = document.documentElement.clientWidth;
      if (document.documentElement.scrollWidth <= width) return [];
      // A long word stands out of a box that does not.
      const isWide = (each) => each.getBoundingClientRect().right > width + 1 || each.scrollWidth > width + 1;
      const wide = [...document.body.querySelectorAll("*")].filter(isWide);
      const inmost = wide.filter((each) => !wide.some((other) => other !== each && each.contains(other)));
      return (inmost.length ? inmost : [document.body]).slice(0, 3).map((each) => `${nameOf(each)} .${each.className}`);
    },

    // Where Tab is to stop, in the order of the document.
    beginAtStart() {
      // Tab goes on from where focus was last, also when nothing has it any more.
      document.body.tabIndex = -1;
      document.body.focus();
      document.body.removeAttribute("tabindex");
      stops = [...document.querySelectorAll(TAB_STOPS)].filter(isStop);
      before = stops.map(drawn);
      return stops.map(nameOf);
    },

    // Where it stopped; null when it has left the page.
    here() {
      const element = document.activeElement;
      if (!element || element === document.body || element === document.documentElement) return null;
      const place = stops.indexOf(element);
      const box = element.getBoundingClientRect();
      const isOfTheBrowser = element.matches(OF_THE_BROWSER);
      return {
        place,
        name: nameOf(element),
        isMarked: isOfTheBrowser || place < 0 || changed(before[place], drawn(element)),
        isOutlined: isOfTheBrowser || drawn(element).some((each) => each.outline),
        isInView: box.bottom > 0 && box.top < innerHeight && box.width > 0 && box.height > 0,
      };
    },
  };
})();
