/* The cells of the queue. They draw from the row alone; the countdown inside Clock is written by the page's one
   ticker (live.js), so that a second costs a text node and not a React render. */
"use strict";

var dagcomponentfuncs = (window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {});

dagcomponentfuncs.Priority = function (props) {
  const p = props.data.priority;
  return React.createElement("i", {className: "glyph p" + p, role: "img", "aria-label": gridpost.t("p" + p)});
};

dagcomponentfuncs.Case = function (props) {
  const row = props.data;
  return React.createElement("div", {className: "cell-case"},
    React.createElement("div", {className: "cell-title", title: row.title}, row.title),
    React.createElement("div", {className: "cell-under"}, row.short + " · " + row.where));
};

dagcomponentfuncs.State = function (props) {
  const row = props.data;
  return React.createElement("div", {className: "cell-state" + (row.waiting ? " waiting" : "")},
    React.createElement("div", {title: row.said}, row.said),
    row.flag ? React.createElement("div", {className: "flag " + row.flagKind, title: row.flag}, row.flag) : null);
};

dagcomponentfuncs.Clock = function (props) {
  const row = props.data;
  const parts = [React.createElement("em", {key: "e"}), React.createElement("b", {key: "b"}), React.createElement("u", {key: "u"}, React.createElement("i"))];
  if (!row.clock) return React.createElement("div", {className: "cell-clock stopped"}, React.createElement("em", null, gridpost.t("clock_off")));
  const attributes = {className: "cell-clock", "data-due": row.due, "data-start": row.start, "data-name": row.clock, "data-p": row.priority,
    ref: (el) => { if (el) gridpost.drawClock(el); }};
  return React.createElement("div", attributes, ...parts);
};
