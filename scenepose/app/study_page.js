// The raters' page. It draws itself into #sp-study whenever gradio puts that there, talks to /study/..., keeps
// the participant's random key in the address and in this browser, and loads each pair before it is needed.
(() => {
  const asked = new URLSearchParams(location.search);
  const study = asked.get('study');
  if (study) document.documentElement.classList.add('sp-rater');
  const KEYS = {
    a: 'a', arrowleft: 'a', 1: 'a', b: 'b', arrowright: 'b', 2: 'b',
    t: 'tie', arrowdown: 'tie', 3: 'tie', x: 'both_bad', arrowup: 'both_bad', 4: 'both_bad',
  };
  const ANSWERS = [
    ['a', 'A', 'key A or ←'], ['tie', 'About the same', 'key T or ↓'],
    ['both_bad', 'Both bad', 'key X or ↑'], ['b', 'B', 'key B or →'],
  ];
  const PAUSE = 250; // milliseconds
  const state = { root: null, info: null, participant: null, trial: null, practice: null, busy: true, shownAt: 0 };
  const ahead = new Map();

  // Where the server is, which a reverse proxy may serve below a path; the page's own address may lack a slash.
  const base = () => {
    const root = window.gradio_config && window.gradio_config.root;
    return (root ? new URL(root, location.href).pathname.replace(/\/$/, '') : '') || '.';
  };

  const make = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
      else node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
  };
  const put = (...nodes) => state.root.replaceChildren(...nodes);
  const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1).replace(/\.?$/, '.');
  const line = (text) => {
    const place = state.root.querySelector('.sp-study-line');
    if (place) place.textContent = text;
  };
  const page = (...nodes) => put(make('section', { class: 'sp-study-page' }, ...nodes));

  // Storage may be forbidden; the address then is the only memory.
  const remember = (key) => { try { localStorage.setItem(`scenepose-study-${study}`, key); } catch {} };
  const remembered = () => { try { return localStorage.getItem(`scenepose-study-${study}`); } catch { return null; } };

  class Refused extends Error {}

  // Ask until there is an answer: every request here may safely be sent twice.
  async function ask(what, body) {
    for (let wait = 400; ; wait = Math.min(wait * 1.7, 8000)) {
      try {
        const answer = await fetch(`${base()}/study/${what}`, {
          method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' },
        });
        if (answer.status < 500) {
          const result = await answer.json();
          line('');
          if (answer.ok) return result;
          throw new Refused(result.error);
        }
      } catch (error) {
        if (error instanceof Refused) throw error;
      }
      line('The connection is interrupted. Trying again; nothing is lost.');
      await new Promise((done) => setTimeout(done, wait));
    }
  }

  // Images by their path, decoded, so that a pair appears at once and both sides together.
  function load(path) {
    if (!ahead.has(path)) {
      const image = new Image();
      image.alt = '';
      image.draggable = false;
      image.src = base() + path;
      ahead.set(path, image.decode().then(() => image));
    }
    return ahead.get(path);
  }
  async function loaded(path) {
    for (let wait = 500; ; wait = Math.min(wait * 2, 8000)) {
      try { return await load(path); } catch {
        ahead.delete(path);
        line('Loading the pictures …');
        await new Promise((done) => setTimeout(done, wait));
      }
    }
  }

  async function show(trial) {
    if ('code' in trial) return thanks(trial);
    state.trial = trial;
    const [left, right] = await Promise.all([loaded(trial.image_a), loaded(trial.image_b)]);
    ahead.clear();
    const side = (image, name) => make('figure', { class: 'sp-side', 'data-side': name },
      image, make('b', { 'aria-hidden': 'true' }, name.toUpperCase()));
    left.alt = 'Picture A'; right.alt = 'Picture B';
    const count = trial.practice ? make('span', { class: 'sp-practice', title: 'not counted' }, 'Practice')
      : make('span', { class: 'sp-study-count' }, `${trial.done + 1} of ${trial.of}`);
    const buttons = ANSWERS.map(([answer, label, hint]) => make('button', {
      class: 'sp-answer' + (label.length === 1 ? ' sp-main' : ''), 'data-answer': answer, type: 'button',
      onclick: () => vote(answer),
    }, label, make('small', {}, hint)));
    const progress = make('i');
    progress.style.width = `${100 * trial.done / trial.of}%`;
    put(make('section', { class: 'sp-trial' },
      make('div', { class: 'sp-trial-top' }, make('h2', {}, state.info.question), count),
      make('div', { class: 'sp-progress', role: 'progressbar', 'aria-valuenow': trial.done, 'aria-valuemin': 0,
        'aria-valuemax': trial.of, 'aria-label': 'progress' }, progress),
      make('div', { class: 'sp-sides' }, side(left, 'a'), side(right, 'b')),
      make('div', { class: 'sp-answers' }, ...buttons),
      make('p', { class: 'sp-study-line', role: 'status', 'aria-live': 'polite' })));
    state.shownAt = performance.now();
    // The second half of a double click is no answer to a pair that has just appeared.
    buttons.forEach((button) => { button.disabled = true; });
    setTimeout(() => {
      buttons.forEach((button) => { button.disabled = false; });
      state.busy = false;
    }, PAUSE);
    trial.ahead.forEach((path) => load(path).catch(() => ahead.delete(path)));
  }

  async function vote(answer) {
    if (state.busy || !state.trial) return;
    state.busy = true;
    if (state.practice) return reveal(answer);
    const response_ms = performance.now() - state.shownAt;
    for (const button of state.root.querySelectorAll('.sp-answer')) button.disabled = true;
    for (const figure of state.root.querySelectorAll('.sp-side')) {
      figure.classList.toggle('sp-chosen', figure.dataset.side === answer || answer === 'tie');
    }
    try {
      const result = await ask('vote', {
        trial: state.trial.trial, participant: state.participant, answer, response_ms,
      });
      await show(result.next);
    } catch (error) { failed(error); }
  }

  // The practice study: nothing is sent, and what the two were is said at once.
  async function practise() {
    line('Loading …');
    try {
      const { trials } = await ask('practice', {});
      if (!trials.length) throw new Error('there is nothing to practise with: no rooms are bundled');
      state.info = { question: 'Which person looks more natural in this place?' };
      state.practice = { trials, at: 0, agreed: 0 };
      await practiceTrial();
    } catch (error) { failed(error); }
  }
  function practiceTrial() {
    const { trials, at } = state.practice, next = trials[at + 1];
    return show({ ...trials[at], practice: true, done: at, of: trials.length, ahead: next ? [next.image_a, next.image_b] : [] });
  }
  function reveal(answer) {
    const { practice, trial } = state;
    if (trial[`is_${answer}`]?.startsWith('a true')) practice.agreed += 1;
    state.trial = null;
    for (const figure of state.root.querySelectorAll('.sp-side')) {
      figure.classList.toggle('sp-chosen', figure.dataset.side === answer || answer === 'tie');
      figure.append(make('figcaption', {}, sentence(trial[`is_${figure.dataset.side}`])));
    }
    practice.at += 1;
    const last = practice.at === practice.trials.length;
    const next = make('button', { class: 'sp-study-go', id: 'sp-practice-next', type: 'button',
      onclick: () => (last ? practised() : practiceTrial()) }, last ? 'How it went' : 'Next pair');
    state.root.querySelector('.sp-answers').replaceChildren(next);
    next.focus({ preventScroll: true });
  }
  function practised() {
    const { agreed, trials } = state.practice;
    state.practice = null;
    page(make('h2', {}, `You preferred the true pose in ${agreed} of ${trials.length} pairs`),
      make('p', {}, 'Nothing of this was stored. In a study nobody is told what the two poses are; the answers of all raters '
        + 'are compared, and the methods ranked with their uncertainty.'),
      make('p', {}, make('button', { class: 'sp-study-go', type: 'button', onclick: () => noStudy() }, 'Back')));
  }

  function thanks(trial) {
    state.trial = null;
    page(make('h2', {}, 'Thank you!'),
      make('p', {}, `You have answered all ${trial.of} pairs. Your completion code is`),
      make('div', { class: 'sp-study-code' }, trial.code),
      make('p', {}, 'If you were asked for a code, copy this one. You can close this page now.'));
  }

  function failed(error) {
    state.trial = null;
    page(make('h2', {}, 'This does not work'), make('p', {}, sentence(error.message || String(error))));
  }

  async function start() {
    try {
      const { participant } = await ask('join', { study, participant: state.participant });
      state.participant = participant;
      remember(participant);
      // The address becomes the personal link: a reload or a bookmark goes on here.
      asked.set('participant', participant);
      history.replaceState(null, '', '?' + asked.toString());
      await go();
    } catch (error) { failed(error); }
  }

  async function go() {
    await show(await ask('next', { study, participant: state.participant }));
  }

  function welcome() {
    const { info } = state;
    const button = make('button', { class: 'sp-study-go', type: 'button', disabled: '', onclick: () => {
      button.disabled = true;
      start();
    } }, 'Start');
    const agree = make('input', { type: 'checkbox', id: 'sp-agree', onchange: () => {
      button.disabled = !agree.checked;
    } });
    const minutes = Math.max(1, Math.round((info.of + info.practice) * 6 / 60));
    page(make('h2', {}, info.title),
      make('p', {}, 'You will see the same room twice, with a person drawn in two different poses: A and B.'),
      make('p', {}, make('strong', {}, info.question), ' Think of posture, size and place: does the person stand, '
        + 'sit or lean where somebody could?'),
      make('ul', {},
        make('li', {}, `${info.of} pairs, about ${minutes} minutes`
          + (info.practice ? `; the first ${info.practice} are practice and do not count.` : '.')),
        make('li', {}, 'Answer with the buttons or with the keys A, B, T (about the same) and X (both bad).'),
        make('li', {}, 'You may stop at any time; the same link goes on where you were.'),
        make('li', {}, 'Please use one tab only.')),
      make('label', { for: 'sp-agree' }, agree, make('span', {}, 'I agree to take part. My answers and how long '
        + 'they took are stored under a random id; no name, no address, nothing else about me.')),
      button,
      make('p', { class: 'sp-study-line', role: 'status' }));
  }

  function noStudy() {
    const field = make('input', { type: 'text', placeholder: 'the study’s id', 'aria-label': 'The study’s id' });
    page(make('h2', {}, 'Which pose looks more natural?'),
      make('p', {}, 'In a study, people compare two poses at the same place, and their answers rank the methods.'),
      make('p', {}, make('button', { class: 'sp-study-go', id: 'sp-practise', type: 'button', onclick: (event) => {
        event.target.disabled = true;
        practise();
      } }, 'Try it with five pairs')),
      make('p', { class: 'sp-study-line', role: 'status' }, 'Practice only: nothing is stored.'),
      make('h3', {}, 'Take part in a study'),
      make('form', { class: 'sp-study-open', onsubmit: (event) => {
        event.preventDefault();
        if (field.value.trim()) location.search = `?study=${encodeURIComponent(field.value.trim())}`;
      } }, field, make('button', { class: 'sp-study-go' }, 'Open')),
      make('p', {}, make('small', {}, 'If you were sent a link, open that instead.')),
      make('h3', {}, 'Make one of your own'),
      make('p', {}, make('code', {}, 'scenepose study create'), ' prints its link, ',
        make('code', {}, 'scenepose study results'), ' ranks.'));
  }

  async function begin() {
    if (!study) return noStudy();
    put(make('p', { class: 'sp-study-line' }, 'Loading …'));
    state.participant = asked.get('participant') || remembered();
    try {
      state.info = await ask('info', { study, participant: state.participant });
      if (state.info.joined) await start(); else welcome();
    } catch (error) { failed(error); }
  }

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (!state.trial || !state.root || !state.root.isConnected || !state.root.offsetParent) return;
    if (event.target.matches && event.target.matches('input, textarea, select, [contenteditable=true]')) return;
    const answer = KEYS[event.key.toLowerCase()];
    if (!answer) return;
    event.preventDefault();
    vote(answer);
  });

  const mount = () => {
    const root = document.getElementById('sp-study');
    if (!root || root === state.root) return;
    state.root = root;
    begin();
  };
  new MutationObserver(mount).observe(document.documentElement, { childList: true, subtree: true });
  mount();
})();
