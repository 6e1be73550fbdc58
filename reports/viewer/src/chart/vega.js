// The parts of Vega that the charts use. Importing `vega` itself would add maps, forces, word clouds and
// crossfilters: 120 kB of the page for nothing. The build aliases `vega` to this file for vega-lite.
import * as encode from 'vega-encode';
import * as basic from 'vega-transforms';
import * as views from 'vega-view-transforms';
import {extend} from 'vega-util';
import {transforms} from 'vega-dataflow';

extend(transforms, basic, views, encode);

export * from 'vega-util';
export {View} from 'vega-view';
export {parse} from 'vega-parser';
