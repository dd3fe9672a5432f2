//! Dense tables: only the visible rows are laid out, so 500 rows cost as much as 20.

use egui::{
    Align, CornerRadius, Id, Layout, Rect, Response, Role, ScrollArea, Sense, Stroke, StrokeKind, Ui,
    UiBuilder,
};
use egui::{WidgetInfo, pos2, vec2};

use crate::theme::{self, Weight, height, radius, size, space};
use crate::widget::text::line_in;

/// How wide a column is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Width {
    /// So many points.
    Fixed(f32),
    /// A share of what is left, by weight.
    Fill(f32),
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Column<'a> {
    /// Its heading.
    pub title: &'a str,
    /// How wide it is.
    pub width: Width,
    /// Left or right.
    pub align: Align,
    /// What it means, such as a formula; shown on hover.
    pub explained: &'a str,
    /// Left out where the table is too narrow.
    pub optional: bool,
}

impl<'a> Column<'a> {
    /// Words, at the left.
    pub fn words(title: &'a str, width: Width) -> Self {
        Column { title, width, align: Align::Min, explained: "", optional: false }
    }

    /// Numbers, at the right.
    pub fn number(title: &'a str, width: f32) -> Self {
        Column { title, width: Width::Fixed(width), align: Align::Max, explained: "", optional: false }
    }

    /// Left out where the table is too narrow; the last ones first.
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// What it means.
    pub fn explained(mut self, explained: &'a str) -> Self {
        self.explained = explained;
        self
    }
}

/// A table.
#[must_use = "show it"]
pub struct Table<'a> {
    id: &'a str,
    columns: &'a [Column<'a>],
    row_height: f32,
    max_height: f32,
}

/// One row that is being drawn; each call fills the next cell.
pub struct Row<'ui, 'a> {
    ui: &'ui mut Ui,
    rect: Rect,
    cells: &'a [Option<(Rect, Align)>],
    next: usize,
    name: String,
    selected: bool,
    clickable: bool,
}

impl<'a> Table<'a> {
    /// A table with these columns.
    pub fn new(id: &'a str, columns: &'a [Column<'a>]) -> Self {
        Table { id, columns, row_height: height::DENSE_ROW, max_height: f32::INFINITY }
    }

    /// Another height of rows.
    pub fn row_height(mut self, row_height: f32) -> Self {
        self.row_height = row_height;
        self
    }

    /// Scrolls beyond this height.
    pub fn max_height(mut self, max_height: f32) -> Self {
        self.max_height = max_height;
        self
    }

    /// Draws the heading and the visible ones of `count` rows; returns the row that was clicked.
    pub fn show(
        self,
        ui: &mut Ui,
        count: usize,
        mut row: impl FnMut(&mut Row<'_, '_>, usize),
    ) -> Option<usize> {
        let width = ui.available_width();
        let spans = spans(self.columns, width - 2.0 * space::S);
        let tokens = theme::tokens(ui);
        let spacing = ui.spacing().item_spacing;
        ui.spacing_mut().item_spacing.y = 0.0;
        let (head, _) = ui.allocate_exact_size(vec2(width, 28.0), Sense::hover());
        for (column, span) in self.columns.iter().zip(&spans) {
            let Some((left, cell_width)) = span else { continue };
            let rect = Rect::from_min_size(
                pos2(head.left() + space::S + left, head.top()),
                vec2(*cell_width, head.height()),
            );
            line_in(
                ui,
                rect,
                column.title,
                Weight::Medium.at(size::SECONDARY),
                tokens.text_subdued,
                column.align,
            );
            if !column.explained.is_empty() {
                let id = ui.scope_id().with((self.id, column.title));
                ui.interact(rect, id, Sense::hover()).on_hover_text(column.explained);
            }
        }
        ui.painter().hline(head.x_range(), head.bottom(), Stroke::new(1.0, tokens.line));
        let mut clicked = None;
        ScrollArea::vertical()
            .id_salt(self.id)
            .max_height(self.max_height)
            .auto_shrink([false, true])
            .show_rows(ui, self.row_height, count, |ui, range| {
                for index in range {
                    let (rect, response) =
                        ui.allocate_exact_size(vec2(width, self.row_height), Sense::click());
                    let cells: Vec<Option<(Rect, Align)>> = spans
                        .iter()
                        .zip(self.columns)
                        .map(|(span, column)| {
                            let (left, cell_width) = (*span)?;
                            let min = pos2(rect.left() + space::S + left, rect.top());
                            Some((Rect::from_min_size(min, vec2(cell_width, rect.height())), column.align))
                        })
                        .collect();
                    if draw_row(ui, rect, &response, &cells, |r| row(r, index)) {
                        clicked = Some(index);
                    }
                }
            });
        ui.spacing_mut().item_spacing = spacing;
        clicked
    }
}

fn draw_row(
    ui: &mut Ui,
    rect: Rect,
    response: &Response,
    cells: &[Option<(Rect, Align)>],
    fill: impl FnOnce(&mut Row<'_, '_>),
) -> bool {
    let tokens = theme::tokens(ui);
    // The row's fill must lie under the cells, and whether it is selected is only known after them.
    let under = ui.painter().add(egui::Shape::Noop);
    let mut row = Row { ui, rect, cells, next: 0, name: String::new(), selected: false, clickable: false };
    fill(&mut row);
    let (name, selected, clickable) = (std::mem::take(&mut row.name), row.selected, row.clickable);
    let color = match (selected, clickable && response.hovered()) {
        (true, _) => Some(tokens.selected),
        (false, true) => Some(tokens.hover),
        (false, false) => None,
    };
    let corner = CornerRadius::same(radius::SMALL);
    if let Some(color) = color {
        ui.painter().set(under, egui::epaint::RectShape::filled(rect, corner, color));
    }
    if clickable && response.has_focus() {
        ui.painter().rect_stroke(rect, corner, Stroke::new(2.0, tokens.accent), StrokeKind::Inside);
    }
    if !name.is_empty() {
        let role = if clickable { Role::Button } else { Role::Row };
        response.widget_info(|| WidgetInfo::selected(role, true, selected, &name));
    }
    clickable && response.clicked()
}

/// Left edge and width of each column; none for one that is left out.
fn spans(columns: &[Column<'_>], width: f32) -> Vec<Option<(f32, f32)>> {
    let mut shown = vec![true; columns.len()];
    let taken = |shown: &[bool]| {
        let (mut fixed, mut weights, mut count) = (0.0, 0.0, 0);
        for (column, _) in columns.iter().zip(shown).filter(|(_, shown)| **shown) {
            count += 1;
            match column.width {
                Width::Fixed(points) => fixed += points,
                Width::Fill(weight) => weights += weight,
            }
        }
        (fixed + GAP * (count as f32 - 1.0).max(0.0), weights)
    };
    while {
        let (fixed, weights) = taken(&shown);
        fixed + weights * LEAST_FILL > width
    } {
        let last = (0..columns.len()).rev().find(|index| shown[*index] && columns[*index].optional);
        let Some(last) = last else { break };
        shown[last] = false;
    }
    let (fixed, weights) = taken(&shown);
    let rest = (width - fixed).max(0.0);
    let mut left = 0.0;
    let span = |(column, shown): (&Column<'_>, &bool)| {
        let wide = match column.width {
            Width::Fixed(points) => points,
            Width::Fill(weight) => rest * weight / weights,
        };
        shown.then(|| {
            let span = (left, wide);
            left += wide + GAP;
            span
        })
    };
    columns.iter().zip(&shown).map(span).collect()
}

/// Between columns, in points.
const GAP: f32 = space::L;
/// A filling column of weight 1 is not made narrower than this while another one can be left out.
const LEAST_FILL: f32 = 110.0;

impl Row<'_, '_> {
    /// The row's accessible name; with it the row can be clicked.
    pub fn clickable(&mut self, name: impl Into<String>) {
        self.name = name.into();
        self.clickable = true;
    }

    /// Shows the row as the chosen one.
    pub fn selected(&mut self, selected: bool) {
        self.selected = selected;
    }

    /// A cell of text.
    pub fn text(&mut self, text: &str) {
        let color = theme::tokens(self.ui).text;
        self.paint(text, Weight::Regular.at(size::BODY), color);
    }

    /// A cell of text that stands out.
    pub fn strong(&mut self, text: &str) {
        let color = theme::tokens(self.ui).text_strong;
        self.paint(text, Weight::Medium.at(size::BODY), color);
    }

    /// A cell of secondary text.
    pub fn secondary(&mut self, text: &str) {
        let color = theme::tokens(self.ui).text_subdued;
        self.paint(text, Weight::Regular.at(size::SECONDARY), color);
    }

    /// A cell of digits; `tone` when it means something.
    pub fn number(&mut self, text: &str, tone: Option<theme::Tone>) {
        let tokens = theme::tokens(self.ui);
        let color = tone.map_or(tokens.text, |tone| tokens.tone(tone).text);
        self.paint(text, Weight::Mono.at(13.0), color);
    }

    /// A cell with anything in it.
    pub fn cell<R>(&mut self, content: impl FnOnce(&mut Ui) -> R) -> Option<R> {
        let (rect, align) = self.take()?;
        let layout = match align {
            Align::Max => Layout::right_to_left(Align::Center),
            Align::Min | Align::Center => Layout::left_to_right(Align::Center),
        };
        let id = Id::unique((self.rect.min.to_vec2().y.to_bits(), self.next));
        let builder = UiBuilder::new().max_rect(rect).layout(layout).id_salt(id);
        Some(content(&mut self.ui.new_child(builder)))
    }

    fn paint(&mut self, text: &str, font: egui::FontId, color: egui::Color32) {
        if let Some((rect, align)) = self.take() {
            line_in(self.ui, rect, text, font, color, align);
        }
    }

    fn take(&mut self) -> Option<(Rect, Align)> {
        let cell = self.cells.get(self.next).copied().flatten();
        self.next += 1;
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_share_what_fixed_ones_leave() {
        let columns = [
            Column::words("Name", Width::Fill(3.0)),
            Column::number("Wait", 60.0),
            Column::words("Queue", Width::Fill(1.0)),
        ];
        let wide = spans(&columns, 60.0 + 2.0 * GAP + 600.0);
        assert_eq!(wide, [Some((0.0, 450.0)), Some((466.0, 60.0)), Some((542.0, 150.0))]);
        assert_eq!(spans(&columns, 10.0)[0], Some((0.0, 0.0)), "never negative");
    }

    #[test]
    fn a_narrow_table_leaves_optional_columns_out_from_the_right() {
        let columns = [
            Column::words("Name", Width::Fill(1.0)),
            Column::words("Queue", Width::Fill(1.0)).optional(),
            Column::number("Wait", 60.0),
            Column::number("Today", 40.0).optional(),
        ];
        let shown = |width| -> Vec<bool> { spans(&columns, width).iter().map(Option::is_some).collect() };
        assert_eq!(shown(500.0), [true, true, true, true]);
        assert_eq!(shown(340.0), [true, true, true, false]);
        assert_eq!(shown(250.0), [true, false, true, false]);
        assert_eq!(shown(10.0), [true, false, true, false]);
    }
}
