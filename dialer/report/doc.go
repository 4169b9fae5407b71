// Package report makes what a party sees of its campaign: four noisy figures in one signed table, from which nobody can be singled
// out.
//
// A party rents reach; it must never learn who was reached. The package therefore has no contact, no identifier of one and no
// number in any type. What comes in is four exact counts and the campaign's heading; what goes out is bytes.
//
//	Counts -> Draw -> Figures -> Render(Heading, Figures) -> Document -> Sign -> Signatures
//
// # The mechanism
//
// Every ordered contact ends in exactly one of four final classes (see [Counts]), so the four counts add up to the ordered size,
// which the party knows because it ordered it. [Draw] treats each count alone:
//
//  1. add noise from the two-sided geometric distribution, P(noise = k) proportional to exp(-epsilon |k|), epsilon = 9/20 = 0.45;
//  2. clamp the sum at 0 and at the ordered size;
//  3. withhold it when it is under 40 (withheld is a state of its own, never a zero);
//  4. round what is left to the nearest multiple of 5.
//
// Steps 2 to 4 look only at the noisy sum and the public size, so they cannot weaken what step 1 promises. The sampler is exact: it
// computes with integers and uniform random bytes only (Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential
// Privacy", NeurIPS 2020, arXiv:2004.00740, Algorithms 1 and 2). Rounded real numbers would leave holes in the distribution through
// which the true count can be read (Mironov, "On Significance of the Least Significant Bits for Differential Privacy", CCS 2012).
//
// # What epsilon means for a person
//
// The size is public, so the neighbour of a campaign is the same campaign in which one person's outcome was another one: one contact
// moves from one class to another. That changes two of the four counts, by one each. The noise of each figure hides a change of one
// up to a factor exp(0.45) < 1.57; the report as a whole therefore hides a person's outcome up to a factor exp(0.9) < 2.46. Whatever
// a reader already knows, even the outcome of everybody else, the odds of any guess about one person move by that factor at most.
// It is 0.45 per figure, and 0.9 per person and report. At most four campaigns a year count one contact for one party (a rule kept
// where the audience is written, not here), which bounds what one party can add up to 3.6 a year; that last bound is a ceiling on
// the worst case, not a comfort. Parties that pool their reports add up too, and nothing here can stop them.
//
// # Where the promise ends
//
// Epsilon holds for a campaign that runs its course. It counts one person's own outcome, and assumes that everybody else's stays as
// it was. A hold or a budget end breaks that assumption: objections can trigger a hold and answered calls use up a budget, so that
// one person may decide whether many others are contacted at all. Such a report is drawn in the same way and says so, in its ending
// and in words (see [Ending.DependsOnPeople]). A weaker tie of this kind remains in every campaign of calls: who occupies a line
// delays who comes next, which matters for a campaign that ran into its last hour.
//
// # What attacks come to
//
// The package's tests attack it: programs that know what became of everybody but one person, whose outcome was one of two, and make
// the best guess that can be made from what is published. A guess without a report is right half of the time; epsilon 0.9 allows
// 71.1 %. Of 200,000 guesses each:
//
//	a person whom everybody else surrounds, at the count where rounding tells most      61 % right
//	the difference of two campaigns for the same people, with and without the person     61 %
//	the total minus the other cells                                                      61 %
//	the edge of the threshold: withheld or not                                           61 %
//	contacts planted by the attacker: all of a campaign of 500 but one                   61 %
//	a year of twelve campaigns, four of which count the person (3.6 allows 97.3 %)       73 %
//	asking a thousand times, in all formats, after kills and a restore                   one body, so nothing to average
//	a campaign a week that counts the person, if the limit of four did not hold          99 %
//
// The attack through a hold is another matter, and succeeds. Somebody who knows at which share of objections a campaign is held, and
// owns phones in the segment, can have them say STOP to just one message fewer; whether one other person, early in the campaign,
// says STOP then decides whether it goes on. With 200 contacts, 200 were reached without that STOP and 41 with it, and every one of
// 1,000 guesses from the report was right. No noise for one person hides the difference of hundreds, and more noise would leave no
// figure. What stands against it is not noise: the report names the hold and promises nothing, the limits of holds are told to no
// party, and a held campaign waits for a person, who may let it go on.
//
// # Quotes
//
// Before it orders, a party may be told how many contacts it could reach (see [DrawQuote]): one figure with noise of epsilon 0.05,
// rounded to 50, withheld under 500. It is drawn once for a segment and a day, however the segment is written, and at most
// [QuotesPerDay] different segments a day are quoted to a party, so that a day costs nobody more than epsilon 1. The days add up:
// whoever may ask every day for a year learns more, which is why quotes are for operators to give, one by one, and not a service.
// Contacts who are bound to other parties in the round do not count: about persons a quote tells next to nothing, but it does tell,
// roughly, how much of a segment others have taken.
//
// # Once
//
// Drawing twice and averaging would undo the noise. A report is drawn once, after the campaign closed, stored with its renderings
// and signatures in one transaction, and served as the same bytes for ever. The package keeps no state and cannot enforce this: the
// ledger does.
package report
