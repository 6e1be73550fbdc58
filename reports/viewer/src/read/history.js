// A reprise.history/1 document: figures over commits, with the places where they changed for good.
import {placementText} from '../text/labels.js';
import {Fields} from './fields.js';

const readPoint = (point) => ({
  commit: point.text('commit'), created: point.text('created'), value: point.number('value'), ci: point.interval('ci'),
  n: point.number('n'), tool: point.text('tool'), report_sha256: point.text('report_sha256'),
});

const readPlace = (place) => ({commit: place.text('commit'), created: place.text('created')});

const readChange = (change) => ({
  kind: change.text('kind'), index: change.number('index'), last_good: readPlace(change.object('last_good')),
  first_changed: readPlace(change.object('first_changed')), before: change.number('before'), after: change.number('after'),
  relative_change: change.number('relative_change'), p: change.number('p'),
});

function readTrack(track, index) {
  const placement = track.value.placement;
  return {
    index, id: track.number('id'), capture: track.object('capture').text('name'), model: track.object('model').text('name'),
    placement: typeof placement === 'string' ? placement : placementText(placement ?? {}),
    metric: track.text('metric'), unit: track.text('unit'), better: track.text('better'),
    machine: track.object('machine').text('description'), fingerprint: track.object('machine').text('fingerprint'),
    branch: track.text('branch'), n_points: track.number('n_points'),
    newest: track.has('newest') ? readPoint(track.object('newest')) : null,
    points: track.objects('points').map(readPoint).filter(({value}) => value !== null),
    newest_is_regression: track.flag('newest_is_regression'),
    changes: track.objects('changes').map(readChange),
    has_changes: track.has('changes'),
  };
}

export function readHistory(document, path = 'history', problems = []) {
  const history = new Fields(document, path, problems);
  return {created: history.text('created'), tracks: history.objects('tracks').map(readTrack), problems};
}
