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
// # Once
//
// Drawing twice and averaging would undo the noise. A report is drawn once, after the campaign closed, stored with its renderings
// and signatures, and served as the same bytes for ever. The package keeps no state and cannot enforce this: the ledger does.
package report
