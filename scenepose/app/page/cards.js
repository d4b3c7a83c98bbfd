// The lists beside the picture: a card for each answer, and a line for each person who is kept.
(() => {
  const { make, drawing } = scenepose;
  const percent = (score) => Math.round(100 * score);
  const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
  const nameOf = (pose) => capital(pose.template_name || pose.kind || 'Pose');
  const button = (text, label, onclick, more = {}) => make('button', {
    type: 'button', class: 'sp-button sp-small', title: label, 'aria-label': label, onclick, ...more,
  }, text);

  function bar(score) {
    if (score === null) return make('span', {}, 'no score');
    const fill = make('i');
    fill.style.width = `${percent(score)}%`;
    return make('div', { class: 'sp-score', title: 'Compatibility score: how well this template fits here' },
      make('div', { class: 'sp-bar', role: 'img', 'aria-label': `compatibility ${percent(score)} %` }, fill),
      make('span', { class: 'sp-percent' }, `${percent(score)} %`));
  }

  // One answer. on: {select, keep, adjust, why}; `why` is what stands in the opened card, or null.
  scenepose.card = (pose, number, { selected, overlap, why, on }) => {
    const [width, height] = pose.scale.map((side) => Math.round(100 * side));
    const note = overlap > 0.1 ? 'Overlaps somebody who is kept' : `${width} × ${height} % of the picture’s height`;
    const card = make('li', { class: 'sp-card', 'data-template': pose.template, 'data-selected': selected },
      make('button', { type: 'button', class: 'sp-pick', 'aria-pressed': selected, onclick: on.select,
        'aria-label': `${number}: ${nameOf(pose)}${pose.score === null ? '' : `, ${percent(pose.score)} %`}` },
        make('span', { class: 'sp-rank' }, number),
        drawing([pose]),
        make('span', { class: 'sp-text' }, make('strong', {}, nameOf(pose)), bar(pose.score), make('small', {}, note))),
      selected ? make('div', { class: 'sp-actions' },
        button('Keep', 'Keep this person in the scene', on.keep, { class: 'sp-button sp-small sp-keep' }),
        button('Adjust', 'Keep this person and adjust it', on.adjust, { class: 'sp-button sp-small sp-adjust' }),
        button('Why this pose?', 'Why this pose?', on.why, { class: 'sp-button sp-small sp-ask', 'aria-expanded': Boolean(why) })) : null,
      why);
    card.style.setProperty('--colour', pose.colour);
    card.style.setProperty('--ink', pose.onColour);
    return card;
  };

  // Why a pose is as it is: its template before and after the offset, its box, its score beside the others'.
  scenepose.why = (pose, rank, before, every, picture) => {
    const [width, height] = pose.scale;
    const [x, y] = pose.point || [null, null];
    const hidden = (pose.hidden || []).flatMap((is, joint) => (is ? [scenepose.looks.joints[joint].replace('_', ' ')] : []));
    const grey = '#8d99ab';
    const step = (caption, poses) => make('figure', {}, drawing(poses), make('figcaption', {}, caption));
    const others = make('div', { class: 'sp-others', role: 'img',
      'aria-label': `Scores of all templates here: ${every.map((one) => `${nameOf(one)} ${percent(one.score)} %`).join(', ')}` },
      ...every.map((one) => {
        const column = make('i', { title: `${nameOf(one)}: ${percent(one.score)} %`, 'data-this': one.template === pose.template });
        column.style.height = `${Math.max(2, percent(one.score))}%`;
        column.style.setProperty('--colour', one.colour);
        return column;
      }));
    const facts = [
      ['Template', `${nameOf(pose)}: of ${every.length} it fits ${rank === 1 ? 'best' : `${rank}${rank === 2 ? 'nd' : rank === 3 ? 'rd' : 'th'} best`} here, ${percent(pose.score)} %.`],
      ['Size', `${Math.round(100 * width)} × ${Math.round(100 * height)} % of the picture’s height `
        + `(${Math.round(width * picture.height)} × ${Math.round(height * picture.height)} pixels), estimated from the picture around the point.`],
      ['Place', x === null ? null : `The middle of the body’s box is at (${Math.round(x)}, ${Math.round(y)}).`],
      ['Offset', `Each joint moved to suit the place, by ${offset(pose, before)} % of the body’s size on average.`],
      ['Hidden', hidden.length ? `Behind furniture: ${hidden.join(', ')}.` : pose.hidden ? 'No joint is behind furniture.' : null],
    ];
    return make('div', { class: 'sp-why' },
      make('div', { class: 'sp-steps' },
        step('template', [{ keypoints: before, colour: grey }]),
        make('span', { 'aria-hidden': 'true' }, '→'),
        step('both', [{ keypoints: before, colour: grey, opacity: 0.55 }, pose]),
        make('span', { 'aria-hidden': 'true' }, '→'),
        step('this pose', [pose])),
      make('dl', {}, ...facts.filter(([, text]) => text).flatMap(([term, text]) => [make('dt', {}, term), make('dd', {}, text)])),
      make('p', { class: 'sp-note' }, 'Scores of all templates here:'), others);
  };
  function offset(pose, before) {
    const frame = scenepose.box(pose.keypoints), largest = Math.max(frame.right - frame.left, frame.bottom - frame.top, 1e-6);
    const moves = pose.keypoints.map((joint, n) => Math.hypot(joint[0] - before[n][0], joint[1] - before[n][1]) / largest);
    return (100 * moves.reduce((sum, move) => sum + move, 0) / moves.length).toFixed(1);
  }

  // Somebody who is kept. on: {select, toggle, remove, forward, back}.
  scenepose.line = (person, number, { selected, on }) => {
    const line = make('li', { class: 'sp-person-line', 'data-selected': selected, 'data-hidden': !person.visible },
      make('button', { type: 'button', class: 'sp-pick', 'aria-pressed': selected, onclick: on.select,
        'aria-label': `Person ${number}: ${nameOf(person)}` },
        drawing([person]),
        make('span', { class: 'sp-text' }, make('strong', {}, nameOf(person)),
          make('small', {}, person.edited ? 'edited' : person.score === null ? '' : `${percent(person.score)} %`))),
      make('span', { class: 'sp-tools' },
        button(person.visible ? 'Hide' : 'Show', `${person.visible ? 'Hide' : 'Show'} person ${number}`, on.toggle),
        button('↑', `Person ${number} further back`, on.back),
        button('↓', `Person ${number} nearer to the front`, on.forward),
        button('✕', `Remove person ${number}`, on.remove)));
    line.style.setProperty('--colour', person.colour);
    return line;
  };
  Object.assign(scenepose, { percent, nameOf, smallButton: button });
})();
