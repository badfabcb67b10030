// Reload the page when something of it has changed. Without scripts it reloads by itself every few seconds.
const seen = document.body.dataset.version;
setInterval(async () => {
  try {
    const answer = await fetch(`${location.pathname}/version`, { cache: "no-store" });
    if (answer.ok && (await answer.text()) !== seen) location.reload();
  } catch {
    // The stand-in is being started again; the next look finds it.
  }
}, 700);
