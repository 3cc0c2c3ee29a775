/* An intrusive doubly linked list. The head is a `struct list`; each element embeds one too. An
 * element that was initialised or removed may be removed again (it is a ring of its own). */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"

struct list {
    struct list *next;
    struct list *prev;
};

static inline void list_init(struct list *list)
{
    list->next = list->prev = list;
}

static inline bool list_empty(const struct list *list)
{
    return list->next == list;
}

/* At the end of `head`. */
static inline void list_push(struct list *head, struct list *element)
{
    ASSERT(head->prev->next == head);
    element->prev = head->prev;
    element->next = head;
    head->prev->next = element;
    head->prev = element;
}

static inline void list_remove(struct list *element)
{
    ASSERT(element->prev->next == element);
    ASSERT(element->next->prev == element);
    element->prev->next = element->next;
    element->next->prev = element->prev;
    list_init(element);
}

/* The first element, removed; NULL when empty. */
static inline struct list *list_pop(struct list *head)
{
    if (list_empty(head))
        return NULL;
    struct list *first = head->next;
    list_remove(first);
    return first;
}

/* Moves all of `from` to the end of `to`. */
static inline void list_splice(struct list *to, struct list *from)
{
    ASSERT(to != from);
    if (list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

/* `step` walks; the body may remove `step` itself, nothing else. */
#define LIST_EACH(step, head)                                                                      \
    for (struct list *step = (head)->next, *step##_next = step->next; step != (head);              \
         step = step##_next, step##_next = step->next)

#define LIST_ENTRY(step, type, member) CONTAINER_OF(step, type, member)

#endif
