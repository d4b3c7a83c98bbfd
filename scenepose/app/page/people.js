// The people who are kept in the scenes, a list for every picture, with all that was done to them to undo.
// A person is never changed, only replaced: so a step of the history is the list as it was.
(() => {
  const { box, known } = scenepose;
  let last = 0;

  // What a change of its joints does to a person: box, place, and that it is no longer the model's own.
  function moved(person, keypoints, height) {
    const { left, top, right, bottom } = box(keypoints);
    return {
      ...person, keypoints, edited: true,
      scale: [(right - left) / height, (bottom - top) / height], point: [(left + right) / 2, (top + bottom) / 2],
    };
  }

  scenepose.People = class {
    constructor(changed) {
      this.changed = changed;
      this.scenes = new Map();
      this.use('');
    }

    // The list of a picture, by its key.
    use(picture) {
      if (!this.scenes.has(picture)) this.scenes.set(picture, { list: [], past: [], future: [] });
      this.scene = this.scenes.get(picture);
    }

    get list() { return this.scene.list; }
    get(id) { return this.list.find((person) => person.id === id); }

    set(list, remember = true) {
      if (remember) {
        this.scene.past.push(this.scene.list);
        this.scene.future = [];
      }
      this.scene.list = list;
      this.changed();
    }

    // Keep a pose, with all that is known of it; the new person's id.
    keep(...poses) {
      const fresh = poses.map((pose) => {
        const person = { visible: true, edited: false, ...pose, id: ++last };
        return { ...person, first: pose.edited ? pose.first || person : person };
      });
      this.set([...this.list, ...fresh]);
      return last;
    }

    replace(id, change, remember = true) {
      this.set(this.list.map((person) => (person.id === id ? change(person) : person)), remember);
    }
    remove(id) { this.set(this.list.filter((person) => person.id !== id)); }
    toggle(id) { this.replace(id, (person) => ({ ...person, visible: !person.visible })); }
    // Back to what the model said.
    reset(id) {
      this.replace(id, (person) => ({ ...person.first, id, visible: person.visible, first: person.first }));
    }
    // Nearer to the front (+1) or further back (-1): the later in the list, the nearer.
    shift(id, by) {
      const list = [...this.list], from = list.findIndex((person) => person.id === id), to = from + by;
      if (to < 0 || to >= list.length) return;
      [list[from], list[to]] = [list[to], list[from]];
      this.set(list);
    }

    // A drag is one step of the history, however long it is: `begin`, any number of `drag`, `end`.
    begin() { this.before = this.scene.list; }
    drag(id, keypoints, height) { this.replace(id, (person) => moved(person, keypoints, height), false); }
    end() {
      if (this.before && this.before !== this.scene.list) {
        this.scene.past.push(this.before);
        this.scene.future = [];
        this.changed();
      }
      this.before = null;
    }
    // The whole person by a function of a joint, around the middle of its box.
    transform(id, place, height, mirror = false) {
      const person = this.get(id), frame = box(person.keypoints);
      const middle = [(frame.left + frame.right) / 2, (frame.top + frame.bottom) / 2];
      const joints = mirror ? scenepose.looks.mirror.map((from) => person.keypoints[from]) : person.keypoints;
      const keypoints = joints.map((joint) => (known(joint) ? place(joint, middle) : joint));
      const hidden = mirror && person.hidden ? scenepose.looks.mirror.map((from) => person.hidden[from]) : person.hidden;
      this.replace(id, () => ({ ...moved(person, keypoints, height), hidden }));
    }

    undo() { this.step(this.scene.past, this.scene.future); }
    redo() { this.step(this.scene.future, this.scene.past); }
    step(from, to) {
      if (!from.length) return;
      to.push(this.scene.list);
      this.scene.list = from.pop();
      this.changed();
    }
  };

  // Which share of a pose's joints lies on the bodies of others, 0 to 1: nobody can be where somebody is.
  scenepose.overlap = (keypoints, others) => {
    const joints = keypoints.filter(known);
    const covered = (joint) => others.some((other) => {
      const { left, top, right, bottom } = box(other.keypoints);
      const reach = 0.07 * Math.max(right - left, bottom - top);
      return scenepose.looks.limbs.some(({ joints: [a, b] }) => {
        const from = other.keypoints[a], to = other.keypoints[b];
        if (!known(from) || !known(to)) return false;
        const along = [to[0] - from[0], to[1] - from[1]], square = along[0] ** 2 + along[1] ** 2 || 1e-9;
        const share = Math.min(1, Math.max(0, ((joint[0] - from[0]) * along[0] + (joint[1] - from[1]) * along[1]) / square));
        return Math.hypot(joint[0] - from[0] - share * along[0], joint[1] - from[1] - share * along[1]) < reach;
      });
    });
    return joints.length ? joints.filter(covered).length / joints.length : 0;
  };
})();
