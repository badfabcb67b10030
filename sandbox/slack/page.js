// Added to the local Slack's page by the gateway. It tells whom the page acts as, asks before clicks that want it,
// passes on clicks in forms, which the page keeps to itself, and makes code, accessories and long words look as in Slack.
// The address may say who and where one wants to be: /?as=ana&in=production
(() => {
  const wanted = new URLSearchParams(location.search).get("as");
  const room = new URLSearchParams(location.search).get("in");
  const FENCED = "\u2063";
  let roles = {};
  let socket = null;
  let told = null;
  let chosen = !wanted;
  let entered = !room;

  const send = (frame) => socket.send(JSON.stringify(frame));

  function make(tag, className, text) {
    const element = document.createElement(tag);
    element.className = className;
    element.textContent = text;
    return element;
  }

  function ask(frame) {
    const words = frame.confirm;
    const dialog = make("dialog", "confirm", "");
    const yes = make("button", `bk-button bk-${words.style ?? "primary"} confirm-yes`, words.confirm?.text ?? "Yes");
    const no = make("button", "bk-button confirm-no", words.deny?.text ?? "No");
    yes.onclick = () => { dialog.remove(); send({ t: "confirmed", id: frame.id }); };
    no.onclick = () => dialog.remove();
    dialog.append(make("h3", "", words.title?.text ?? "Are you sure?"), make("p", "", words.text?.text ?? ""), no, yes);
    document.body.append(dialog);
    dialog.showModal();
  }

  const Native = window.WebSocket;
  window.WebSocket = class extends Native {
    constructor(address, protocols) {
      super(address, protocols);
      if (!String(address).endsWith("/ui")) return;
      socket = this;
      told = null;
      this.addEventListener("message", (event) => {
        const frame = JSON.parse(event.data);
        if (frame.t === "confirm") ask(frame);
      });
    }
  };

  // Blocks are drawn in order, one element each, so that a place in the form names its block.
  function inForm(target) {
    const blocks = target.closest(".modal-body")?.querySelector(".blocks");
    const block = blocks && [...blocks.children].find((each) => each.contains(target));
    if (!block) return null;
    return { block: [...blocks.children].indexOf(block), element: [...block.children].indexOf(target) };
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.(".modal-body .bk-button");
    const place = button && inForm(button);
    if (place) send({ t: "view_click", user: told, ...place });
  });
  document.addEventListener("change", (event) => {
    const place = event.target.matches?.(".modal-body select") && inForm(event.target);
    if (place) send({ t: "view_click", user: told, ...place, value: event.target.value });
    // A menu of a message does something at once: it goes back to its name, so that the same can be chosen again.
    if (event.target.matches?.(".msg select.bk-select")) setTimeout(() => { event.target.value = ""; }, 0);
  });

  function choose(select) {
    const option = [...select.options].find(
      (each) => each.value === wanted || each.text.toLowerCase().startsWith(wanted.toLowerCase()),
    );
    chosen = true;
    if (!option) return;
    Object.getOwnPropertyDescriptor(HTMLSelectElement.prototype, "value").set.call(select, option.value);
    select.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function enter() {
    const item = [...document.querySelectorAll(".sidebar-item")].find((each) => each.textContent.slice(1) === room);
    if (!item) return;
    entered = true;
    item.click();
  }

  function tell() {
    const select = document.querySelector(".actas select");
    if (!select?.value || socket?.readyState !== Native.OPEN) return;
    for (const option of select.options) {
      const role = roles[option.value];
      if (role && !option.text.endsWith(`(${role})`)) option.text = `${option.text} (${role})`;
    }
    if (!chosen) choose(select);
    if (!entered) enter();
    if (select.value === told) return;
    told = select.value;
    document.body.dataset.actingAs = told;
    send({ t: "acting", user: told });
  }

  function boxCode() {
    for (const line of document.querySelectorAll(".mrkdwn code:not(.fenced)")) {
      if (line.textContent.startsWith(FENCED)) line.classList.add("fenced");
    }
  }

  const style = document.createElement("style");
  style.textContent = `
    .mrkdwn code.fenced { display: block; border: 0; border-left: 3px solid #ddd; border-radius: 0; padding: 1px 10px;
      background: #f6f6f6; white-space: pre-wrap; color: inherit; }
    .mrkdwn code.fenced + br { display: none; }
    .blocks a { color: #1264a3; }
    .blocks, .msg-text, .file-image-name, dialog.confirm { overflow-wrap: anywhere; }
    .blocks .mention { white-space: nowrap; }
    .mrkdwn code:not(.fenced) { display: inline-block; max-width: 100%; }
    .bk-section:has(> .bk-button, > .bk-select, > .bk-accessory-img) { display: grid; grid-template-columns: minmax(0, 1fr) auto;
      gap: 4px 16px; align-items: start; }
    .bk-section > .bk-text, .bk-section > .bk-fields { grid-column: 1; }
    .bk-section > .bk-button, .bk-section > .bk-select, .bk-section > .bk-accessory-img { grid-column: 2; grid-row: 1; }
    select.bk-overflow { width: 44px; appearance: none; text-align: center; }
    .bk-context { flex-wrap: wrap; }
    .bk-plain-input { max-width: none; }
    @media (max-width: 640px) {
      .brand, .topbar .pill, .topbar .status, .topbar button, .sidebar-header, .sidebar-section, .sidebar input { display: none; }
      .topbar { justify-content: flex-end; }
      .body { flex-direction: column; }
      .sidebar { display: flex; width: auto; padding: 0; overflow-x: auto; }
      .sidebar-item { width: auto; white-space: nowrap; padding: 8px 12px; }
      .thread-pane { position: fixed; inset: 0; width: auto !important; max-width: none; z-index: 30; }
      .thread-resize-handle { display: none; }
      .msg { padding: 6px 12px; }
      .composer { margin: 8px; }
    }
    dialog.confirm { border: 0; border-radius: 10px; padding: 20px 24px; min-width: 320px; max-width: 460px;
      box-shadow: 0 18px 48px rgba(0, 0, 0, 0.35); }
    dialog.confirm::backdrop { background: rgba(0, 0, 0, 0.4); }
    dialog.confirm h3 { margin: 0 0 8px; }
    dialog.confirm p { margin: 0 0 16px; }
    dialog.confirm button { margin-right: 8px; }`;

  addEventListener("DOMContentLoaded", () => {
    document.head.append(style);
    new MutationObserver(boxCode).observe(document.body, { childList: true, subtree: true });
    fetch("/_gateway/health").then((answer) => answer.json()).then((health) => { roles = health.roles; });
    setInterval(tell, 50);
  });
})();
